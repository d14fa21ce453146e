// SPDX-License-Identifier: GPL-2.0-only
//! The ways out of the inverted lock order that were proposed in 2005, in a small model of their
//! own: two nodes with a folio each, a plain DLM, tasks and a downconvert worker.
//!
//! The lock keeps no state but what the argument needs (what is had, who asks, whether new holders
//! are shut out); ours is modelled the same way beside them, so that the figures compare.

use crate::world::{process, turn, Log, Mix, Process, World, FREE, TICK};
use ocfs2_lockres_host::lockres::{Level, Mode};
use std::hash::{Hash, Hasher};

/// What is done about a reader that finds its folio locked and its cluster lock gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Unlock the folio, wait, leave a ticket, have the operation called again.
    Retry,
    /// A call before the VFS locks the folio takes the cluster lock (`mapping_guard_page_locks`).
    Guard,
    /// The reader waits with its folio locked, but marks it (PG_fs_misc): the worker may take it.
    HandOver,
    /// The worker truncates with the lock open, then takes the lock away; if pages came back
    /// meanwhile, again.
    TruncateFirst,
    /// The worker shuts the lock, invalidates what isn't locked; if something was, it opens the
    /// lock again, sleeps, and begins anew.
    InvalidateSleep,
}

/// All of them, with the words they are printed with.
pub const SCHEMES: [(Scheme, &str); 5] = [
    (Scheme::Retry, "unlock, wait, ticket, retry"),
    (Scheme::Guard, "guard before the page lock"),
    (Scheme::HandOver, "page handed over to the worker"),
    (Scheme::TruncateFirst, "truncate first, then the lock"),
    (Scheme::InvalidateSleep, "invalidate, drop, sleep, repeat"),
];

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// Reads the same folio over and over: it locks it only if it isn't uptodate.
    Reader,
    /// Reads through a file: each time it needs another folio, and locks it.
    Streamer,
    Writer,
    /// A writer whose source buffer is a mapping of the same file, not in memory: the copy takes a
    /// page fault, which reads the file.
    CopyingWriter,
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    Idle,
    /// About to look the folio up; true: with a ticket.
    Look(bool),
    /// About to wait for the lock, with no folio locked.
    Want,
    /// Asleep for the lock; the folio may be locked, the lock may have been handed over.
    Asleep {
        locked: bool,
        handed: bool,
    },
    /// Has the lock, wants the folio.
    Got,
    /// Has the lock and the folio.
    Using,
    /// Has the lock, and takes a fault that needs it again; true: asleep for it.
    Fault(bool),
}

/// What the worker is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    Idle,
    /// New holders are shut out; the folio is next.
    Shut,
    /// The folio was dropped with the lock open; now the lock.
    Check,
    /// Sleeping before it begins anew.
    Nap,
}

/// One task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tasklet {
    pub job: Job,
    pub at: At,
    /// Operations still to be done; `None`: for ever.
    pub left: Option<u8>,
}

/// What is counted where that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Count {
    pub messages: u8,
    pub sleeps: u8,
    pub retries: u8,
    pub passes: u8,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Side {
    /// What the DLM counts for it, what it waits for there, and what is on its way to it.
    pub(crate) granted: Level,
    pub(crate) queued: Option<Mode>,
    pub(crate) ast: bool,
    pub(crate) bast: Option<Mode>,
    pub(crate) basted: Option<Mode>,
    /// What it knows itself.
    pub(crate) have: Level,
    pub(crate) asked: Option<Mode>,
    pub(crate) stage: Stage,
    pub(crate) cached: bool,
    pub(crate) dirty: bool,
    pub(crate) locked: Option<u8>,
    pub tasks: Vec<Tasklet>,
}

/// Two nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    pub sides: [Side; 2],
    pub(crate) first: Option<u8>,
    pub count: Count,
}

/// What is explored.
#[derive(Clone, Debug)]
pub struct Setting {
    pub scheme: Scheme,
    pub jobs: [Vec<Job>; 2],
    /// How often the tasks of each node do it; `None`: for ever.
    pub times: Option<u8>,
    /// The second node begins with this, and a folio.
    pub begins: Level,
    /// Count messages, and what happens to the first task of the first node.
    pub counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Start(u8, u8),
    Task(u8, u8),
    Worker(u8),
    Ast(u8),
    Bast(u8),
    /// The worker's nap is over.
    Tick(u8),
}

pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Nl => "NL",
        Level::Pr => "PR",
        Level::Ex => "EX",
    }
}

impl Job {
    pub(crate) fn reads(self) -> bool {
        self.mode() == Mode::Pr
    }

    pub(crate) fn mode(self) -> Mode {
        match self {
            Job::Reader | Job::Streamer => Mode::Pr,
            Job::Writer | Job::CopyingWriter => Mode::Ex,
        }
    }
}

impl Side {
    fn new(jobs: &[Job], times: Option<u8>) -> Self {
        let task = |job: &Job| Tasklet {
            job: *job,
            at: At::Idle,
            left: times,
        };
        Side {
            granted: Level::Nl,
            queued: None,
            ast: false,
            bast: None,
            basted: None,
            have: Level::Nl,
            asked: None,
            stage: Stage::Idle,
            cached: false,
            dirty: false,
            locked: None,
            tasks: jobs.iter().map(task).collect(),
        }
    }

    /// Does a task hold the lock?
    fn holds(&self, t: &Tasklet) -> bool {
        match t.at {
            At::Got | At::Using | At::Fault(_) => true,
            At::Asleep { handed, .. } => handed,
            _ => false,
        }
    }

    pub(crate) fn held(&self, mode: Mode) -> bool {
        self.tasks
            .iter()
            .any(|t| self.holds(t) && t.job.mode() >= mode)
    }

    /// What it should come down to.
    pub(crate) fn target(&self) -> Option<Level> {
        let to = self.asked?.leaves();
        (self.have > to).then_some(to)
    }

    /// Are there holders, or tickets, that the target doesn't allow?
    pub(crate) fn busy(&self, to: Level) -> bool {
        let ticket = self.tasks.iter().any(|t| t.at == At::Look(true));
        match to {
            Level::Nl => self.held(Mode::Pr) || ticket,
            _ => self.held(Mode::Ex),
        }
    }

    /// Is the folio locked by a reader that sleeps for the lock?
    fn lent(&self) -> bool {
        self.locked.is_some_and(|t| {
            let at = self.tasks[usize::from(t)].at;
            matches!(at, At::Asleep { locked: true, .. })
        })
    }

    /// Can a new holder come in?
    pub(crate) fn open(&self, scheme: Scheme, mode: Mode) -> bool {
        let turn = match scheme {
            Scheme::Retry | Scheme::Guard | Scheme::HandOver => true,
            Scheme::TruncateFirst | Scheme::InvalidateSleep => self.stage == Stage::Shut,
        };
        let after = match self.target() {
            Some(to) if turn => to,
            _ => self.have,
        };
        after.covers(mode)
    }
}

impl World for Setting {
    type State = Pair;
    type Action = Step;

    fn start(&self) -> Pair {
        let mut sides = [
            Side::new(&self.jobs[0], self.times),
            Side::new(&self.jobs[1], self.times),
        ];
        let b = &mut sides[1];
        b.granted = self.begins;
        b.have = self.begins;
        b.cached = self.begins > Level::Nl;
        b.dirty = self.begins == Level::Ex;
        Pair {
            sides,
            first: None,
            count: Count::default(),
        }
    }

    fn enabled(&self, pair: &Pair, out: &mut Vec<Step>) {
        out.clear();
        if self.counted && self.over(pair) {
            return;
        }
        for n in 0..2u8 {
            let side = &pair.sides[usize::from(n)];
            for (t, task) in side.tasks.iter().enumerate() {
                if task.at == At::Idle && task.left != Some(0) {
                    out.push(Step::Start(n, t as u8));
                } else if self.runs(side, task) {
                    out.push(Step::Task(n, t as u8));
                }
            }
            if side.ast {
                out.push(Step::Ast(n));
            }
            if side.bast.is_some() {
                out.push(Step::Bast(n));
            }
            if self.works(side) {
                out.push(Step::Worker(n));
            }
            // A nap is long: where passes are counted, whoever can run has run by then.
            let ran = !side.tasks.iter().any(|t| self.runs(side, t));
            if side.stage == Stage::Nap && (ran || !self.counted) {
                out.push(Step::Tick(n));
            }
        }
    }

    fn next(&self, pair: &Pair, step: Step, log: &mut Log) -> Pair {
        let mut run = crate::scheme_steps::Run {
            setting: self,
            p: pair.clone(),
            log,
        };
        run.act(step);
        if !self.counted {
            run.p.count = Count::default();
        }
        run.p
    }

    fn process(&self, step: Step) -> Process {
        let (n, turn) = match step {
            Step::Task(n, t) => (n, t),
            Step::Worker(n) => (n, turn::WORKER),
            Step::Ast(n) => (n, turn::AST),
            Step::Bast(n) => (n, turn::BAST),
            Step::Tick(_) => return TICK,
            Step::Start(..) => return FREE,
        };
        process(n.into(), turn)
    }

    fn pending(&self, pair: &Pair) -> u64 {
        let mut bits = 0;
        for (n, side) in pair.sides.iter().enumerate() {
            for (t, task) in side.tasks.iter().enumerate() {
                bits |= u64::from(task.at != At::Idle) << process(n, t as u8);
            }
        }
        bits
    }

    fn broken(&self, pair: &Pair) -> Option<&'static str> {
        let [a, b] = &pair.sides;
        let clash = |x: &Side, y: &Side| x.held(Mode::Ex) && y.held(Mode::Pr);
        if clash(a, b) || clash(b, a) {
            return Some("EX excludes all other nodes");
        }
        let covered = |s: &Side| {
            (!s.cached || s.granted >= Level::Pr) && (!s.dirty || s.granted == Level::Ex)
        };
        if !covered(a) || !covered(b) {
            return Some("a folio without its lock");
        }
        if self.counted && self.over(pair) {
            return None;
        }
        let mut all = Vec::new();
        self.enabled(pair, &mut all);
        let stuck = !all.iter().any(|s| !matches!(s, Step::Start(..)));
        (self.pending(pair) != 0 && stuck).then_some("no deadlock")
    }

    fn print(&self, pair: &Pair) -> u64 {
        let mut h = Mix::default();
        pair.hash(&mut h);
        h.finish()
    }

    fn role(&self, n: usize, t: usize) -> &'static str {
        match self.jobs[n][t] {
            Job::Reader | Job::Streamer => "reader",
            Job::Writer | Job::CopyingWriter => "writer",
        }
    }
}

impl Setting {
    /// What is counted has come to its end.
    pub fn over(&self, pair: &Pair) -> bool {
        let task = pair.sides[0].tasks[0];
        task.at == At::Idle && task.left == Some(0)
    }

    fn runs(&self, side: &Side, task: &Tasklet) -> bool {
        let free = side.locked.is_none();
        match task.at {
            At::Idle => false,
            At::Look(_) => (side.cached && task.job == Job::Reader) || free,
            At::Want => true,
            At::Asleep { handed, .. } => handed || side.open(self.scheme, task.job.mode()),
            At::Got => free || (self.scheme == Scheme::Retry && task.job.reads()),
            At::Using => true,
            At::Fault(false) => true,
            At::Fault(true) => side.open(self.scheme, Mode::Pr),
        }
    }

    fn works(&self, side: &Side) -> bool {
        let Some(to) = side.target() else {
            return false;
        };
        // A grant that is on its way is waited for.
        if side.ast {
            return false;
        }
        let lent = self.scheme == Scheme::HandOver && side.lent();
        match (self.scheme, side.stage) {
            (_, Stage::Nap) => false,
            (Scheme::TruncateFirst, Stage::Idle) => side.locked.is_none(),
            (Scheme::TruncateFirst, _) => !side.busy(to),
            (_, Stage::Idle) => !side.busy(to),
            (Scheme::InvalidateSleep, _) => true,
            (_, _) => side.locked.is_none() || lent,
        }
    }
}
