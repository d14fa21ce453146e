// SPDX-License-Identifier: GPL-2.0-only
//! What each action does, with a log for the traces.

use crate::cluster::{Action, Cluster, Config, Variant};
use crate::dlm::Value;
use crate::node::{Calling, Folio, Goal, Node, Pc, Role, Who, Worker};
use crate::world::Log;
use ocfs2_lockres_host::lockres::{
    DlmCall, Flushed, Hold, How, Kick, Level, Lvb, Mode, Outcome, Step, Task, Unexpected,
};

/// The state after `action`.
pub fn apply(config: &Config, from: &Cluster, action: Action, log: &mut Log) -> Cluster {
    let mut run = Run {
        config,
        c: from.clone(),
        log,
    };
    run.act(action);
    for node in run.c.nodes.iter_mut() {
        if !config.counted {
            node.tasks.iter_mut().for_each(|t| t.retries = 0);
        }
        if !config.counted || !node.machine.is_blocking() {
            node.late_tickets = 0;
        }
    }
    run.c
}

/// A step being taken.
pub(crate) struct Run<'a> {
    pub(crate) config: &'a Config,
    pub(crate) c: Cluster,
    pub(crate) log: &'a mut Log,
}

fn mode(goal: Goal) -> Mode {
    match goal {
        Goal::Ticket(mode) => mode,
        Goal::ReadLocked => Mode::Pr,
        Goal::Write | Goal::MkWrite => Mode::Ex,
    }
}

fn acquire(node: &mut Node, mode: Mode, how: How, t: usize, now: u64) -> Step<Outcome> {
    let members = node.members.membership();
    node.machine
        .acquire(mode, how, Task(t as u32), members, now)
}

pub(crate) fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Pr => "PR",
        Mode::Ex => "EX",
    }
}

pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Nl => "NL",
        Level::Pr => "PR",
        Level::Ex => "EX",
    }
}

impl Run<'_> {
    pub(crate) fn node(&mut self, n: usize) -> &mut Node {
        &mut self.c.nodes[n]
    }

    pub(crate) fn say(&mut self, n: usize, who: Who, what: impl FnOnce() -> String) {
        self.log.say(n, who, what);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Start(n, t, eager) => self.start(n.into(), t.into(), eager),
            Action::Step(n, t) => self.step(n.into(), t.into()),
            Action::Kill(n, t) => self.kill(n.into(), t.into()),
            Action::Fault(n, who) => self.fault(n.into(), who),
            Action::Work(n) => self.work(n.into(), Flushed::Done),
            Action::Arrive(n) => self.arrive(n.into()),
            Action::Return(n) => self.ret(n.into()),
            Action::Ast(n) => self.ast(n.into()),
            Action::Bast(n) => self.bast(n.into()),
            Action::UnlockAst(n) => self.unlock_ast(n.into()),
            Action::Digest(n) => self.c.dlm.locks[usize::from(n)].digesting = false,
            Action::Evict(n) => self.evict(n.into()),
            Action::Reclaim(n) => {
                self.say(n.into(), Who::Disk, || {
                    "the next read is for another folio".into()
                });
                let node = self.node(n.into());
                node.folio.uptodate = false;
                node.tasks.iter_mut().for_each(|t| t.retries = 0);
            }
            Action::Die(n) => self.die(n.into()),
            Action::DeclareDead(n) => self.declare_dead(n.into()),
            Action::Stranger(i) => self.stranger(i),
            Action::Report(n, who) => self.hear(n.into(), who),
            Action::SlotMap(n) => self.slot_map(n.into()),
            Action::Recover(n) => self.recover(n.into()),
            Action::Tick => {
                if let Some(at) = self.c.next_timer() {
                    self.c.now = at;
                }
            }
        }
    }

    // --- what the machine has its caller do ---

    pub(crate) fn kick(&mut self, n: usize, kick: Kick) {
        let now = self.c.now;
        let node = self.node(n);
        if let Some(delay) = kick.work {
            let at = now + delay;
            node.timer = Some(node.timer.map_or(at, |t| t.min(at)));
        }
        if kick.wake {
            node.wake_all();
        }
    }

    pub(crate) fn checked(&mut self, n: usize, kick: Result<Kick, Unexpected>) {
        match kick {
            Ok(kick) => self.kick(n, kick),
            Err(unexpected) => self.c.misuse = Some(unexpected.event),
        }
    }

    pub(crate) fn carry<T>(&mut self, n: usize, who: Who, step: Step<T>) -> T {
        self.kick(n, step.kick);
        if let Some(call) = step.call {
            self.fill(n, call);
            self.say(n, who, || match call {
                DlmCall::Lock { level, .. } => {
                    format!("requests {} from the DLM", level_name(level))
                }
                DlmCall::Cancel => "cancels the request".into(),
                DlmCall::Unlock { .. } => "unlocks".into(),
            });
            self.node(n).calling = Some(Calling {
                by: who,
                call,
                answer: None,
            });
            if self.config.coarse {
                self.arrive(n);
            }
        }
        step.value
    }

    /// Fills or invalidates the value block before a call.
    fn fill(&mut self, n: usize, call: DlmCall) {
        let (DlmCall::Lock { lvb, .. } | DlmCall::Unlock { lvb }) = call else {
            return;
        };
        let meta = self.c.nodes[n].meta;
        let lksb = &mut self.c.dlm.locks[n].lksb;
        match lvb {
            Lvb::Fill if meta => *lksb = Value::Current,
            Lvb::Fill => *lksb = Value::Stale,
            Lvb::Invalidate => *lksb = Value::Invalid,
            Lvb::Leave | Lvb::Unused => {}
        }
    }

    // --- tasks ---

    fn start(&mut self, n: usize, t: usize, eager: bool) {
        let role = self.c.nodes[n].tasks[t].role;
        self.say(n, Who::Task(t as u8), || {
            match role {
                Role::Reader => "read(2)",
                Role::Writer => "write(2)",
                Role::Mapper => "stores to a mapped page",
            }
            .into()
        });
        match role {
            Role::Writer => self.must_wait(n, t, Goal::Write),
            _ if eager => self.must_wait(n, t, Goal::Ticket(Mode::Pr)),
            _ => self.look(n, t),
        }
    }

    /// The operation is over, and an unused ticket is returned.
    fn done(&mut self, n: usize, t: usize) {
        let now = self.c.now;
        let kick = self.node(n).machine.return_ticket(Task(t as u32), now);
        self.kick(n, kick);
        self.over(n, t);
    }

    fn over(&mut self, n: usize, t: usize) {
        let task = &mut self.node(n).tasks[t];
        task.pc = Pc::Idle;
        task.ticket = false;
        task.retries = 0;
    }

    fn step(&mut self, n: usize, t: usize) {
        let who = Who::Task(t as u8);
        let task = &mut self.node(n).tasks[t];
        match std::mem::replace(&mut task.pc, Pc::Idle) {
            Pc::Idle => {}
            Pc::Look => self.look(n, t),
            Pc::Reading(hold) => {
                self.release(n, hold);
                self.read(n, t);
            }
            Pc::Io => self.read(n, t),
            Pc::MustWait(goal) => self.must_wait(n, t, goal),
            Pc::Asleep(waiter, _, goal) => {
                let now = self.c.now;
                let node = self.node(n);
                let members = node.members.membership();
                let step = node.machine.poll(waiter, members, now);
                let outcome = self.carry(n, who, step);
                self.outcome(n, t, outcome, goal);
            }
            Pc::Got(mut hold, goal) => {
                self.say(n, who, || "refreshes the inode".into());
                self.refresh(n, &mut hold);
                self.ready(n, t, hold, goal);
            }
            Pc::Ready(hold, goal) => self.ready(n, t, hold, goal),
            Pc::Writing(hold) => {
                self.say(n, who, || {
                    "dirties the folio, unlocks it, releases EX".into()
                });
                self.node(n).folio = Folio {
                    uptodate: true,
                    dirty: true,
                    ..self.c.nodes[n].folio
                };
                self.node(n).folio.locked = None;
                self.changed(n);
                self.release(n, hold);
                self.done(n, t);
            }
            Pc::MkWrite => self.must_wait(n, t, Goal::MkWrite),
            Pc::Demoting => self.look(n, t),
        }
    }

    fn refresh(&mut self, n: usize, hold: &mut Hold) {
        let read = self.c.dlm.locks[n].lksb != Value::Stale;
        let now = self.c.now;
        let node = self.node(n);
        node.meta = read;
        let kick = node.machine.refreshed(hold, true, now);
        self.checked(n, kick);
    }

    fn look(&mut self, n: usize, t: usize) {
        let who = Who::Task(t as u8);
        let now = self.c.now;
        let node = self.node(n);
        if node.folio.uptodate {
            let reader = node.tasks[t].role == Role::Reader;
            self.say(n, who, || "finds the folio uptodate".into());
            return match reader {
                true => self.done(n, t),
                false => self.node(n).tasks[t].pc = Pc::MkWrite,
            };
        }
        node.folio.locked = Some(t as u8);
        if node.tasks[t].role == Role::Reader {
            node.tasks[t].ticket = false;
        }
        let step = acquire(node, Mode::Pr, How::Try, t, now);
        assert!(step.call.is_none(), "a try made a call");
        match self.carry(n, who, step) {
            Outcome::Granted(hold) => {
                self.was_granted(n);
                self.say(n, who, || "locks the folio, has PR, starts to read".into());
                self.start_read(n, t, hold);
            }
            Outcome::Failed(_) => {
                self.has_failed(n);
                self.node(n).folio.locked = None;
                self.done(n, t);
            }
            _ => self.would_block(n, t),
        }
    }

    /// `->read_folio`, with its folio locked, can't have PR now.
    fn would_block(&mut self, n: usize, t: usize) {
        let who = Who::Task(t as u8);
        let now = self.c.now;
        match self.config.variant {
            Variant::Naive => {
                self.say(n, who, || "locks the folio, waits for PR".into());
                let step = acquire(self.node(n), Mode::Pr, How::Wait, t, now);
                let outcome = self.carry(n, who, step);
                self.outcome(n, t, outcome, Goal::ReadLocked);
                return;
            }
            Variant::Queued if self.queue_runs(n) => {
                self.say(n, who, || {
                    "locks the folio, finds a downconvert queued, runs it".into()
                });
                self.work(n, Flushed::Done);
                self.node(n).tasks[t].pc = Pc::Demoting;
                return;
            }
            _ => {}
        }
        let node = self.node(n);
        node.folio.locked = None;
        node.tasks[t].retries = node.tasks[t].retries.saturating_add(1).min(9);
        if self.config.variant == Variant::Spin {
            self.say(n, who, || {
                "locks the folio, can't have PR; unlocks it, asks, retries".into()
            });
            let step = acquire(self.node(n), Mode::Pr, How::Wait, t, now);
            match self.carry(n, who, step) {
                Outcome::Wait(waiter) => {
                    let kick = self.node(n).machine.abandon(waiter, now);
                    self.kick(n, kick);
                }
                Outcome::Granted(mut hold) => {
                    if hold.must_refresh() {
                        self.refresh(n, &mut hold);
                    }
                    self.release(n, hold);
                }
                _ => {}
            }
            self.node(n).tasks[t].pc = Pc::Look;
            return;
        }
        self.say(n, who, || {
            "locks the folio, can't have PR; unlocks it".into()
        });
        self.node(n).tasks[t].pc = Pc::MustWait(Goal::Ticket(Mode::Pr));
    }

    /// Whether a queued downconvert could run now.
    fn queue_runs(&self, n: usize) -> bool {
        let node = &self.c.nodes[n];
        node.worker == Worker::Idle
            && node.calling.is_none()
            && node.timer.is_some_and(|at| at <= self.c.now)
    }

    fn must_wait(&mut self, n: usize, t: usize, goal: Goal) {
        let who = Who::Task(t as u8);
        let now = self.c.now;
        self.say(n, who, || format!("waits for {}", name(mode(goal))));
        let node = self.node(n);
        node.tasks[t].ticket = false;
        let step = acquire(node, mode(goal), How::Wait, t, now);
        let outcome = self.carry(n, who, step);
        self.outcome(n, t, outcome, goal);
    }

    fn outcome(&mut self, n: usize, t: usize, outcome: Outcome, goal: Goal) {
        let who = Who::Task(t as u8);
        match outcome {
            Outcome::Granted(hold) => {
                self.was_granted(n);
                self.say(n, who, || format!("has {}", name(mode(goal))));
                match hold.must_refresh() {
                    true => self.node(n).tasks[t].pc = Pc::Got(hold, goal),
                    false => self.ready(n, t, hold, goal),
                }
            }
            Outcome::Wait(waiter) => {
                self.node(n).tasks[t].pc = Pc::Asleep(waiter, false, goal);
            }
            Outcome::WouldBlock | Outcome::Failed(_) => {
                self.has_failed(n);
                if self.c.nodes[n].folio.locked == Some(t as u8) {
                    self.node(n).folio.locked = None;
                }
                self.done(n, t);
            }
        }
    }

    fn ready(&mut self, n: usize, t: usize, hold: Hold, goal: Goal) {
        let who = Who::Task(t as u8);
        let free = self.c.nodes[n].folio.locked.is_none();
        match goal {
            Goal::Write | Goal::MkWrite if !free => {
                self.node(n).tasks[t].pc = Pc::Ready(hold, goal);
            }
            Goal::ReadLocked => {
                self.say(n, who, || "starts to read".into());
                self.start_read(n, t, hold);
            }
            Goal::Ticket(_) => {
                self.say(n, who, || "leaves a ticket, retries".into());
                self.ticket(n, t, hold);
            }
            Goal::Write => {
                self.say(n, who, || "locks the folio to write".into());
                let node = self.node(n);
                node.folio.locked = Some(t as u8);
                node.tasks[t].pc = Pc::Writing(hold);
            }
            Goal::MkWrite if self.c.nodes[n].folio.uptodate => {
                self.say(n, who, || "makes the page writable, releases EX".into());
                let node = self.node(n);
                node.folio.mapped = true;
                node.folio.dirty = true;
                self.changed(n);
                self.release(n, hold);
                self.done(n, t);
            }
            Goal::MkWrite => {
                self.say(n, who, || {
                    "finds the folio gone, leaves a ticket, retries".into()
                });
                let task = &mut self.node(n).tasks[t];
                task.retries = task.retries.saturating_add(1).min(9);
                self.ticket(n, t, hold);
            }
        }
    }

    fn start_read(&mut self, n: usize, t: usize, hold: Hold) {
        if self.config.async_reads {
            self.node(n).tasks[t].pc = Pc::Io;
            self.release(n, hold);
        } else {
            self.node(n).tasks[t].pc = Pc::Reading(hold);
        }
    }

    fn read(&mut self, n: usize, t: usize) {
        let who = Who::Task(t as u8);
        self.say(n, who, || "has read, unlocks the folio".into());
        let node = self.node(n);
        node.folio.uptodate = true;
        node.folio.locked = None;
        match node.tasks[t].role {
            Role::Reader => self.done(n, t),
            _ => self.node(n).tasks[t].pc = Pc::MkWrite,
        }
    }

    fn ticket(&mut self, n: usize, t: usize, hold: Hold) {
        let now = self.c.now;
        let node = self.node(n);
        let in_the_way = match node.machine.blocking() {
            Some(Mode::Ex) => true,
            Some(Mode::Pr) => hold.mode() == Mode::Ex,
            None => false,
        };
        let before = node.machine.tickets(now);
        node.tasks[t].ticket = true;
        node.tasks[t].pc = Pc::Look;
        let kick = node.machine.leave_ticket(hold, now);
        if in_the_way && node.machine.tickets(now) > before {
            node.late_tickets = node.late_tickets.saturating_add(1).min(9);
        }
        self.checked(n, kick);
    }

    fn release(&mut self, n: usize, hold: Hold) {
        let now = self.c.now;
        let kick = self.node(n).machine.release(hold, now);
        self.checked(n, kick);
    }

    /// This node changed the inode: what other nodes know of it is stale.
    fn changed(&mut self, n: usize) {
        // Other nodes don't see what a node writes that was declared dead.
        if self.c.nodes[n].expelled {
            return;
        }
        for (m, node) in self.c.nodes.iter_mut().enumerate() {
            node.meta = m == n;
        }
        let dlm = &mut self.c.dlm;
        let blocks = dlm.locks.iter_mut().map(|l| &mut l.lksb);
        for value in blocks.chain([&mut dlm.lvb]) {
            if *value == Value::Current {
                *value = Value::Stale;
            }
        }
    }

    fn kill(&mut self, n: usize, t: usize) {
        self.say(n, Who::Task(t as u8), || "is killed".into());
        let now = self.c.now;
        let node = self.node(n);
        if let Pc::Asleep(waiter, _, _) = std::mem::replace(&mut node.tasks[t].pc, Pc::Idle) {
            let kick = node.machine.abandon(waiter, now);
            self.kick(n, kick);
        }
        if self.c.nodes[n].folio.locked == Some(t as u8) {
            self.node(n).folio.locked = None;
        }
        // A ticket that it left expires.
        self.over(n, t);
    }

    pub(crate) fn fault(&mut self, n: usize, who: Who) {
        self.c.faults -= 1;
        let now = self.c.now;
        match who {
            Who::Task(t) => {
                let t = usize::from(t);
                let node = self.node(n);
                if let Pc::Got(mut hold, _) = std::mem::replace(&mut node.tasks[t].pc, Pc::Idle) {
                    let kick = node.machine.refreshed(&mut hold, false, now);
                    self.checked(n, kick);
                    self.release(n, hold);
                }
                self.done(n, t);
            }
            Who::Disk => self.work(n, Flushed::NotYet(1)),
            Who::Worker | Who::Evict => self.work(n, Flushed::Failed),
        }
    }
}
