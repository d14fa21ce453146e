// SPDX-License-Identifier: GPL-2.0-only
//! The steps of scheme.rs.

use crate::node::Who;
use crate::scheme::{level_name, At, Job, Pair, Scheme, Setting, Side, Stage, Step};
use crate::world::Log;
use ocfs2_lockres_host::lockres::{Level, Mode};

pub(crate) struct Run<'a> {
    pub(crate) setting: &'a Setting,
    pub(crate) p: Pair,
    pub(crate) log: &'a mut Log,
}

impl Run<'_> {
    fn side(&mut self, n: usize) -> &mut Side {
        &mut self.p.sides[n]
    }

    fn at(&mut self, n: usize, t: usize, at: At) {
        self.side(n).tasks[t].at = at;
    }

    fn say(&mut self, n: usize, who: Who, what: &str) {
        self.log.say(n, who, || what.into());
    }

    pub(crate) fn act(&mut self, step: Step) {
        match step {
            Step::Start(n, t) => self.start(n.into(), t.into()),
            Step::Task(n, t) => self.task(n.into(), t.into()),
            Step::Worker(n) => self.worker(n.into()),
            Step::Ast(n) => self.ast(n.into()),
            Step::Bast(n) => self.bast(n.into()),
            Step::Tick(n) => self.side(n.into()).stage = Stage::Idle,
        }
    }

    fn start(&mut self, n: usize, t: usize) {
        let task = &mut self.side(n).tasks[t];
        task.left = task.left.map(|left| left.saturating_sub(1));
        let job = task.job;
        let ahead = self.setting.scheme == Scheme::Guard || !job.reads();
        self.say(
            n,
            Who::Task(t as u8),
            if job.reads() { "read(2)" } else { "write(2)" },
        );
        self.at(n, t, if ahead { At::Want } else { At::Look(false) });
    }

    fn task(&mut self, n: usize, t: usize) {
        let who = Who::Task(t as u8);
        let again = self.p.sides[n].tasks[t].job == Job::Reader;
        match self.p.sides[n].tasks[t].at {
            At::Idle => {}
            At::Look(_) if again && self.p.sides[n].cached => {
                self.say(n, who, "finds the folio uptodate");
                self.at(n, t, At::Idle);
            }
            At::Look(ticket) => self.look(n, t, ticket),
            At::Want => self.want(n, t, false),
            At::Asleep { locked, .. } => self.awake(n, t, locked),
            At::Got => self.got(n, t),
            At::Using => self.done(n, t),
            At::Fault(asleep) => self.fault(n, t, asleep),
        }
    }

    /// `->read_folio`: the folio is locked.
    fn look(&mut self, n: usize, t: usize, ticket: bool) {
        let who = Who::Task(t as u8);
        let scheme = self.setting.scheme;
        let open = self.p.sides[n].open(scheme, Mode::Pr);
        let has = ticket && self.p.sides[n].have.covers(Mode::Pr);
        if open || has {
            self.say(n, who, "locks the folio, has PR, reads");
            self.side(n).locked = Some(t as u8);
            return self.at(n, t, At::Using);
        }
        if scheme == Scheme::Retry {
            self.say(n, who, "locks the folio, can't have PR; unlocks it");
            if self.counts(n, t) {
                self.p.count.retries = self.p.count.retries.saturating_add(1);
            }
            return self.at(n, t, At::Want);
        }
        self.side(n).locked = Some(t as u8);
        self.want(n, t, true);
    }

    fn want(&mut self, n: usize, t: usize, locked: bool) {
        let who = Who::Task(t as u8);
        let mode = self.p.sides[n].tasks[t].job.mode();
        let side = &self.p.sides[n];
        if side.open(self.setting.scheme, mode) {
            self.say(n, who, "has the lock");
            return self.at(n, t, if locked { At::Using } else { At::Got });
        }
        let text = match (locked, mode) {
            (true, _) => "locks the folio, waits for PR",
            (false, Mode::Pr) => "waits for PR",
            (false, Mode::Ex) => "waits for EX",
        };
        self.say(n, who, text);
        if self.counts(n, t) {
            self.p.count.sleeps = self.p.count.sleeps.saturating_add(1);
        }
        self.at(
            n,
            t,
            At::Asleep {
                locked,
                handed: false,
            },
        );
        self.ask(n);
    }

    /// The lock is there, or may be had.
    fn awake(&mut self, n: usize, t: usize, locked: bool) {
        let who = Who::Task(t as u8);
        let lost = locked && self.p.sides[n].locked != Some(t as u8);
        if lost {
            self.say(n, who, "has PR, but its folio was taken: looks again");
            if self.counts(n, t) {
                self.p.count.retries = self.p.count.retries.saturating_add(1);
            }
            return self.at(n, t, At::Look(false));
        }
        self.say(n, who, "has the lock");
        self.at(n, t, if locked { At::Using } else { At::Got });
    }

    /// Has the lock and no folio.
    fn got(&mut self, n: usize, t: usize) {
        let who = Who::Task(t as u8);
        let job = self.p.sides[n].tasks[t].job;
        match (self.setting.scheme, job) {
            (Scheme::Retry, Job::Reader | Job::Streamer) => {
                self.say(n, who, "leaves a ticket, retries");
                self.at(n, t, At::Look(true));
            }
            (_, Job::CopyingWriter) => self.at(n, t, At::Fault(false)),
            (_, Job::Reader | Job::Streamer) => {
                self.say(n, who, "locks the folio, reads");
                self.side(n).locked = Some(t as u8);
                self.at(n, t, At::Using);
            }
            (_, Job::Writer) => {
                self.say(n, who, "locks the folio to write");
                self.side(n).locked = Some(t as u8);
                self.at(n, t, At::Using);
            }
        }
    }

    fn done(&mut self, n: usize, t: usize) {
        let side = self.side(n);
        side.cached = true;
        let read = side.tasks[t].job.reads();
        side.dirty |= !read;
        side.locked = None;
        let text = match read {
            true => "has read; unlocks the folio, releases PR",
            false => "dirties the folio, unlocks it, releases EX",
        };
        self.say(n, Who::Task(t as u8), text);
        self.at(n, t, At::Idle);
    }

    /// The copy from the user's buffer faults, and the fault reads this very file.
    fn fault(&mut self, n: usize, t: usize, asleep: bool) {
        let who = Who::Task(t as u8);
        if self.p.sides[n].open(self.setting.scheme, Mode::Pr) {
            self.say(
                n,
                who,
                "the fault is served; dirties the folio, releases EX",
            );
            let side = self.side(n);
            side.cached = true;
            side.dirty = true;
            return self.at(n, t, At::Idle);
        }
        if !asleep {
            self.say(
                n,
                who,
                "faults on its own buffer, which maps this file: waits for PR",
            );
            self.at(n, t, At::Fault(true));
        }
    }

    // --- the worker ---

    fn worker(&mut self, n: usize) {
        let Some(to) = self.p.sides[n].target() else {
            return;
        };
        let stage = self.p.sides[n].stage;
        if self.side(n).queued.take().is_some() {
            self.say(n, Who::Worker, "cancels the request");
            self.message(1);
            self.p.first = self.p.sides[1 - n].queued.map(|_| (1 - n) as u8);
        }
        match (self.setting.scheme, stage) {
            (Scheme::TruncateFirst, Stage::Idle) => {
                self.say(
                    n,
                    Who::Worker,
                    "locks the folio, drops it; the lock stays open",
                );
                self.drop_folio(n, to);
                self.pass();
                self.side(n).stage = Stage::Check;
            }
            (Scheme::TruncateFirst, _) => {
                let side = &self.p.sides[n];
                let back = side.locked.is_some() || side.dirty || (side.cached && to == Level::Nl);
                if back {
                    self.say(
                        n,
                        Who::Worker,
                        "finds a folio in the cache again: once more",
                    );
                    self.side(n).stage = Stage::Idle;
                } else {
                    self.down(n, to);
                }
            }
            (_, Stage::Idle) => {
                self.say(n, Who::Worker, "shuts out new holders");
                self.side(n).stage = Stage::Shut;
            }
            (Scheme::InvalidateSleep, _) if self.p.sides[n].locked.is_some() => {
                self.say(
                    n,
                    Who::Worker,
                    "can't invalidate a locked folio: opens the lock, sleeps",
                );
                self.pass();
                self.side(n).stage = Stage::Nap;
            }
            _ => {
                let text = match self.p.sides[n].locked {
                    Some(_) => "takes over the sleeper's folio, drops it",
                    None => "locks the folio, drops it",
                };
                self.say(n, Who::Worker, text);
                self.side(n).locked = None;
                self.drop_folio(n, to);
                self.pass();
                self.down(n, to);
            }
        }
    }

    fn pass(&mut self) {
        self.p.count.passes = self.p.count.passes.saturating_add(1);
    }

    fn drop_folio(&mut self, n: usize, to: Level) {
        let side = self.side(n);
        side.dirty = false;
        side.cached &= to != Level::Nl;
    }

    fn counts(&self, n: usize, t: usize) -> bool {
        (n, t) == (0, 0)
    }

    // --- the DLM ---

    /// Asks for what the sleepers of a node need, if nothing is asked for.
    fn ask(&mut self, n: usize) {
        let side = &self.p.sides[n];
        if side.queued.is_some() || side.ast || side.target().is_some() {
            return;
        }
        let asleep = side
            .tasks
            .iter()
            .filter(|t| matches!(t.at, At::Asleep { handed: false, .. }));
        let Some(mode) = asleep.map(|t| t.job.mode()).max() else {
            return;
        };
        if side.have.covers(mode) {
            return;
        }
        self.log.say(n, Who::Worker, || {
            format!("(requests {} from the DLM)", level_name(mode.level()))
        });
        self.side(n).queued = Some(mode);
        self.p.first.get_or_insert(n as u8);
        self.message(1);
        self.grant();
    }

    fn message(&mut self, n: u8) {
        self.p.count.messages = self.p.count.messages.saturating_add(n);
    }

    /// The level is given up: a request, and the ast for it.
    fn down(&mut self, n: usize, to: Level) {
        self.log.say(n, Who::Worker, || {
            format!("goes down to {}", level_name(to))
        });
        let side = self.side(n);
        side.granted = to;
        side.have = to;
        side.asked = None;
        side.basted = None;
        side.stage = Stage::Idle;
        self.message(2);
        self.grant();
        self.ask(n);
    }

    fn grant(&mut self) {
        let first = self.p.first.map_or(0, usize::from);
        for n in [first, 1 - first] {
            let Some(mode) = self.p.sides[n].queued else {
                continue;
            };
            let other = &mut self.p.sides[1 - n];
            if other.granted <= mode.leaves() {
                self.p.first = other.queued.map(|_| (1 - n) as u8);
                let side = self.side(n);
                side.granted = side.granted.max(mode.level());
                side.queued = None;
                side.basted = None;
                side.ast = true;
            } else if other.basted < Some(mode) {
                other.basted = Some(mode);
                other.bast = Some(mode);
            }
        }
    }

    /// All who wait for that much have the lock now.
    fn ast(&mut self, n: usize) {
        self.message(1);
        let side = self.side(n);
        side.ast = false;
        side.have = side.granted;
        let have = side.have;
        for task in &mut side.tasks {
            let mode = task.job.mode();
            if let At::Asleep { handed, .. } = &mut task.at {
                *handed |= have.covers(mode);
            }
        }
        self.log.say(n, Who::Worker, || {
            format!("(ast: this node has {})", level_name(have))
        });
        self.ask(n);
    }

    fn bast(&mut self, n: usize) {
        self.message(1);
        let side = self.side(n);
        let mode = side.bast.take();
        side.asked = side.asked.max(mode);
        if side.target().is_none() && !side.ast {
            side.asked = None;
        }
        let text = match mode {
            Some(Mode::Ex) => "(bast: another node waits for EX)",
            _ => "(bast: another node waits for PR)",
        };
        self.say(n, Who::Worker, text);
        self.ask(n);
    }
}
