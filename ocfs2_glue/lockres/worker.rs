// SPDX-License-Identifier: GPL-2.0-only
//! The downconvert worker's side, and the end of a lock.

use super::machine::Machine;
use super::membership::Membership;
use super::mode::{Down, Level, Up};
use super::state::{Call, Refresh, State};
use super::step::{DlmCall, Flushed, Kick, Lvb, Step, Unexpected, Work};

/// The longest time by which a flush may be deferred at once, in ns.
const LATER_NS: u64 = 1_000_000_000;

impl Machine {
    /// Decides what the worker does. It may run more often than it was asked to.
    ///
    /// The death of another node changes nothing here: dirty data was dirtied under EX, so it is
    /// written back, and the lock goes to the node that waits for it. A node that was itself
    /// declared dead must not write, so it keeps its level until shutdown.
    pub fn work(&mut self, members: Membership, now: u64) -> Step<Work> {
        self.work_at = None;
        self.tickets.expire(now);
        let wake = match self.request_after {
            Some(at) if now >= at => {
                self.request_after = None;
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
            // Without a kick, which would be for now, again and again.
            (State::Held { .. }, Some(_)) if members == Membership::Lost => Step {
                value: Work::Nothing,
                kick: Kick { work: None, wake },
                call: None,
            },
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

    /// Reports the end of the flush that [`work`](Machine::work) asked for.
    pub fn flushed(&mut self, how: Flushed, now: u64) -> Result<Step<()>, Unexpected> {
        let down = match self.state {
            State::Flushing { down } => down,
            _ => return Err(Unexpected { event: "flushed" }),
        };
        match how {
            Flushed::Done => {}
            Flushed::Failed => self.lvb_invalid = true,
            Flushed::NotYet(delay) => {
                self.state = State::Held { level: down.from() };
                self.down_after = now.saturating_add(delay.min(LATER_NS));
                return Ok(self.step((), None, true, now));
            }
        }
        // Another node may want a lower level by now than this flush was for.
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

    /// Unlocks, at eviction or unmount. From now on all requests fail. Call it again after each
    /// wake until its value is true; only then may the memory be freed. It works whichever nodes
    /// are missing: the DLM still answers.
    ///
    /// The caller has written back and dropped what the lock protects.
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
            State::Held { level } if self.request_after.is_none_or(|at| now >= at) => {
                self.request_after = None;
                self.state = State::Unlocking { level };
                self.in_call = Some(Call::Unlock);
                Some(DlmCall::Unlock {
                    lvb: self.lvb_for(level),
                })
            }
            // The worker cancels a request that is pending.
            _ => None,
        };
        let gone = self.is_gone();
        self.step(gone, call, first, now)
    }

    fn cancel(&mut self, up: Up) -> DlmCall {
        self.state = State::Cancelling { up };
        self.in_call = Some(Call::Cancel);
        DlmCall::Cancel
    }

    /// What to do with the LVB when level `from` is given up. This node's data can be newer than
    /// the DLM's LVB only after EX, and only if a holder has refreshed it.
    fn lvb_for(&self, from: Level) -> Lvb {
        match (self.kind.lvb, from, self.refresh_state) {
            (false, _, _) => Lvb::Unused,
            (true, Level::Ex, _) if self.lvb_invalid => Lvb::Invalidate,
            (true, Level::Ex, Refresh::Done) => Lvb::Fill,
            (true, _, _) => Lvb::Leave,
        }
    }

    /// When the worker has something to do; `None` if another event must come first, which will
    /// kick the worker.
    pub(super) fn work_due(&self, now: u64) -> Option<u64> {
        let asking = self.request_after;
        let down = self.down_due(now);
        match (asking, down) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn down_due(&self, now: u64) -> Option<u64> {
        if self.in_call.is_some() {
            return None;
        }
        match (self.state, self.target()) {
            // Two nodes that convert PR to EX wait for each other, so this one cancels.
            (State::Upconverting { .. }, Some(_)) => Some(self.down_after),
            (State::Upconverting { .. }, None) if self.closing => Some(self.down_after),
            (State::Held { .. }, Some(down)) if !self.closing => self.downconvert_due(down, now),
            _ => None,
        }
    }

    fn downconvert_due(&self, down: Down, now: u64) -> Option<u64> {
        if self.holders.above(down.to()) || self.refresh_state == Refresh::Running {
            return None;
        }
        let tickets = self.tickets.blocked_until(down.to(), now).unwrap_or(0);
        Some(self.slice_end().max(tickets).max(self.down_after))
    }
}
