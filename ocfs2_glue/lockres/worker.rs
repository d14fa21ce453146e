// SPDX-License-Identifier: GPL-2.0-only
//! The downconvert worker's side, and the two ways out: shutdown and fail.

use super::machine::Machine;
use super::mode::{Down, Level, Up};
use super::state::{Call, Fresh, State};
use super::step::{DlmCall, Flushed, Kick, Lvb, Step, Unexpected, Work};

/// The longest that a flush may be put off at a time, in ns.
const LATER_NS: u64 = 1_000_000_000;

impl Machine {
    /// The worker runs: because it was kicked, or just in case.
    pub fn work(&mut self, now: u64) -> Step<Work> {
        self.work_at = None;
        self.tickets.expire(now);
        let wake = match self.ask_after {
            Some(at) if now >= at => {
                self.ask_after = None;
                true
            }
            _ => false,
        };
        if self.work_due(now).is_none_or(|at| now < at) {
            return self.step(Work::Nothing, None, wake, now);
        }
        match (self.state, self.target()) {
            (State::Upconverting { up }, _) => {
                let call = self.cancel(up);
                self.step(Work::Nothing, Some(call), wake, now)
            }
            (State::Held { level }, Some(down)) => {
                self.state = State::Flushing { down };
                let work = Work::Flush {
                    from: level,
                    to: down.to(),
                };
                self.step(work, None, wake, now)
            }
            _ => self.step(Work::Nothing, None, wake, now),
        }
    }

    /// The flush that [`work`](Machine::work) asked for has ended.
    pub fn flushed(&mut self, how: Flushed, now: u64) -> Result<Step<()>, Unexpected> {
        let down = match self.state {
            State::Flushing { down } => down,
            State::Gone if self.lost.is_some() => return Ok(Step::only(())),
            _ => return Err(Unexpected { event: "flushed" }),
        };
        match how {
            Flushed::Done => {}
            Flushed::Failed => self.spoiled = true,
            Flushed::NotYet(delay) => {
                self.state = State::Held { level: down.from() };
                self.down_after = now.saturating_add(delay.min(LATER_NS));
                return Ok(self.step((), None, true, now));
            }
        }
        // Meanwhile another node may want more than this flush was for: then it wasn't enough.
        if self.target() != Some(down) {
            self.state = State::Held { level: down.from() };
            return Ok(self.step((), None, true, now));
        }
        self.state = State::Downconverting { down };
        self.in_call = Some(Call::Lock);
        let call = DlmCall::Lock {
            level: down.to(),
            convert: true,
            noqueue: false,
            lvb: self.lvb_for(down.from()),
        };
        Ok(self.step((), Some(call), false, now))
    }

    /// Gives the lock up for good. From now on nobody gets in, and whoever waits fails. Call it
    /// again after each wake until its value is true; only then may the memory go.
    ///
    /// What the lock protects has been written back and forgotten before.
    pub fn shutdown(&mut self, now: u64) -> Step<bool> {
        let first = !self.closing;
        self.closing = true;
        self.tickets.clear();
        if self.in_call.is_some() || self.holders.any() {
            return self.step(false, None, first, now);
        }
        let call = match self.state {
            State::Unlocked => {
                self.state = State::Gone;
                None
            }
            State::Held { level } if self.ask_after.is_none_or(|at| now >= at) => {
                self.ask_after = None;
                self.state = State::Unlocking { level };
                self.in_call = Some(Call::Unlock);
                Some(DlmCall::Unlock {
                    lvb: self.lvb_for(level),
                })
            }
            // The worker takes back what is still asked for.
            _ => None,
        };
        let gone = self.is_gone();
        self.step(gone, call, first, now)
    }

    /// The cluster is lost (`errno` says why): nothing is protected any more, nothing will be
    /// granted, and the DLM's callbacks no longer matter. Holders still give back their holds.
    pub fn fail(&mut self, errno: i32, now: u64) -> Kick {
        if self.lost.is_none() && self.state != State::Gone {
            self.lost = Some(errno);
            self.state = State::Gone;
            self.asked = None;
            self.requester = false;
            self.verdict = None;
            self.tickets.clear();
        }
        self.kick(true, now)
    }

    fn cancel(&mut self, up: Up) -> DlmCall {
        self.state = State::Cancelling { up };
        self.in_call = Some(Call::Cancel);
        DlmCall::Cancel
    }

    /// What to do with the LVB when `from` is given up: only an EX holder's may be newer than the
    /// DLM's, and only if it was refreshed at all.
    fn lvb_for(&self, from: Level) -> Lvb {
        match (self.kind.lvb, from, self.fresh) {
            (false, _, _) => Lvb::Unused,
            (true, Level::Ex, _) if self.spoiled => Lvb::Spoil,
            (true, Level::Ex, Fresh::Yes) => Lvb::Fill,
            (true, _, _) => Lvb::Leave,
        }
    }

    /// When the worker has something to do, as things stand; `None` if something else must happen
    /// first, which will kick it.
    pub(super) fn work_due(&self, now: u64) -> Option<u64> {
        let asking = self.ask_after;
        let down = self.down_due(now);
        match (asking, down) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn down_due(&self, now: u64) -> Option<u64> {
        if self.lost.is_some() || self.in_call.is_some() {
            return None;
        }
        match (self.state, self.target()) {
            // Two nodes that convert PR to EX wait for each other: this one takes its word back.
            (State::Upconverting { .. }, Some(_)) => Some(self.down_after),
            (State::Upconverting { .. }, None) if self.closing => Some(self.down_after),
            (State::Held { .. }, Some(down)) if !self.closing => self.hand_back_due(down, now),
            _ => None,
        }
    }

    fn hand_back_due(&self, down: Down, now: u64) -> Option<u64> {
        if self.holders.above(down.to()) || self.fresh == Fresh::Refreshing {
            return None;
        }
        let tickets = self.tickets.hold_up(down.to(), now).unwrap_or(0);
        Some(self.slice_end().max(tickets).max(self.down_after))
    }
}
