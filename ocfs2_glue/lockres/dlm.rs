// SPDX-License-Identifier: GPL-2.0-only
//! The DLM's side: what its calls return and what its callbacks say.
//!
//! Facts: `srctree/fs/ocfs2/stackglue.h` (the contract), `stack_o2cb.c` (a cancel that came too
//! late is silent there, only the ast comes), `stack_user.c` (a cancel that worked arrives as an
//! unlock ast), `dlm/dlmthread.c` (who is sent a bast), `srctree/fs/dlm/lock.c` (-EBUSY).

use super::machine::Machine;
use super::mode::{Level, Mode};
use super::state::{Call, Fresh, State, Verdict};
use super::step::{Answer, Kick, Refusal, Unexpected};

/// How long to let fs/dlm finish a cancel before asking again, in ns.
const BUSY_NS: u64 = 20_000_000;
/// How long to wait before a downconvert or a cancel that failed is tried again, in ns.
const RETRY_NS: u64 = 200_000_000;

impl Machine {
    /// The call that a step asked for has returned. Every call must be reported, with whatever it
    /// returned, and the callbacks may have come before.
    ///
    /// An error means that no callback will come for it.
    pub fn returned(&mut self, answer: Answer, now: u64) -> Result<Kick, Unexpected> {
        let call = self
            .in_call
            .take()
            .ok_or(Unexpected { event: "returned" })?;
        if let Err(refusal) = answer {
            match (call, self.state) {
                (Call::Lock, State::Acquiring { .. } | State::Upconverting { .. }) => {
                    self.refused(refusal, now);
                }
                (Call::Lock, State::Downconverting { .. }) => self.stuck(refusal, now),
                (Call::Cancel, State::Cancelling { up }) => {
                    self.state = State::Upconverting { up };
                    self.down_after = now.saturating_add(RETRY_NS);
                }
                (Call::Unlock, State::Unlocking { level }) if refusal == Refusal::Busy => {
                    self.state = State::Held { level };
                    self.ask_after = Some(now.saturating_add(BUSY_NS));
                }
                // The DLM won't have it: nothing will come back, so nothing is left to wait for.
                (Call::Unlock, State::Unlocking { .. }) => self.state = State::Gone,
                // The callback was faster, and it has said all there is to say.
                _ => {}
            }
        }
        Ok(self.kick(true, now))
    }

    /// The lock ast: what was asked for is granted, or refused.
    pub fn ast(&mut self, answer: Answer, now: u64) -> Result<Kick, Unexpected> {
        match (self.state, answer) {
            (State::Acquiring { want, .. }, Ok(())) => self.granted(want, now),
            // A cancel that lost the race is silent; the grant stands.
            (State::Upconverting { up } | State::Cancelling { up }, Ok(())) => {
                self.granted(up.to(), now);
            }
            (State::Downconverting { down }, Ok(())) => {
                self.state = State::Held { level: down.to() };
                self.spoiled = false;
                self.settle_asked();
            }
            (
                State::Acquiring { .. } | State::Upconverting { .. } | State::Cancelling { .. },
                Err(refusal),
            ) => self.refused(refusal, now),
            (State::Downconverting { .. }, Err(refusal)) => self.stuck(refusal, now),
            // Too late to matter.
            (State::Gone, _) if self.lost.is_some() => {}
            _ => return Err(Unexpected { event: "ast" }),
        }
        Ok(self.kick(true, now))
    }

    /// The blocking ast: another node waits for `mode`.
    pub fn bast(&mut self, mode: Mode, now: u64) -> Kick {
        match self.state {
            // Nothing is granted and nothing is on its way: it is late.
            State::Unlocked | State::Held { level: Level::Nl } => {}
            State::Unlocking { .. } | State::Gone => {}
            _ => self.asked = self.asked.max(Some(mode)),
        }
        self.settle_asked();
        self.kick(false, now)
    }

    /// The unlock ast: a cancel worked, or the lock is gone.
    pub fn unlock_ast(&mut self, answer: Answer, now: u64) -> Result<Kick, Unexpected> {
        match (self.state, answer) {
            (State::Cancelling { up }, Ok(())) => {
                self.requester = false;
                self.state = State::Held { level: up.from() };
                self.settle_asked();
            }
            (State::Cancelling { up }, Err(_)) => {
                self.state = State::Upconverting { up };
                self.down_after = now.saturating_add(RETRY_NS);
            }
            (State::Unlocking { .. }, _) => self.state = State::Gone,
            (State::Gone, _) if self.lost.is_some() => {}
            _ => {
                return Err(Unexpected {
                    event: "unlock_ast",
                })
            }
        }
        Ok(self.kick(true, now))
    }

    fn granted(&mut self, level: Level, now: u64) {
        self.crowded = false;
        self.requester = false;
        if level == Level::Nl {
            self.state = State::Held { level };
            return self.settle_asked();
        }
        if self.level() == Level::Nl {
            self.generation = self.generation.wrapping_add(1);
            self.fresh = if self.kind.refresh {
                Fresh::No
            } else {
                Fresh::Yes
            };
        }
        // Whoever asked early asked for this grant; the waiters go first all the same.
        let asked = self.asked.take();
        self.state = State::Held { level };
        self.granted_at = now;
        self.last_use = now;
        self.hand_over(now);
        self.asked = asked;
        self.settle_asked();
    }

    /// A request for more came to nothing.
    fn refused(&mut self, refusal: Refusal, now: u64) {
        let probe = matches!(self.state, State::Acquiring { probe: true, .. });
        self.state = match self.state {
            State::Acquiring { .. } => State::Unlocked,
            _ => State::Held {
                level: self.level(),
            },
        };
        match refusal {
            Refusal::Again if probe => self.crowded = true,
            Refusal::Busy => self.ask_after = Some(now.saturating_add(BUSY_NS)),
            // The other node holds PR as well and wants EX: let it go first.
            Refusal::Deadlock if self.level() == Level::Pr => self.asked = Some(Mode::Ex),
            _ if self.requester => {
                self.verdict = Some(Verdict {
                    request: self.request,
                    refusal,
                });
            }
            _ => {}
        }
        self.requester = false;
        self.settle_asked();
    }

    /// A downconvert came to nothing: the level is still there, and somebody still waits for it.
    fn stuck(&mut self, refusal: Refusal, now: u64) {
        let wait = if refusal == Refusal::Busy {
            BUSY_NS
        } else {
            RETRY_NS
        };
        self.state = State::Held {
            level: self.level(),
        };
        self.down_after = now.saturating_add(wait);
    }

    /// Forgets who asked once the level is no longer in their way, except while a request is
    /// under way: a bast may be faster than the ast it belongs to.
    pub(super) fn settle_asked(&mut self) {
        if matches!(self.state, State::Held { .. } | State::Unlocked) && self.target().is_none() {
            self.asked = None;
        }
    }
}
