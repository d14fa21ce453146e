// SPDX-License-Identifier: GPL-2.0-only
//! The DLM's side: what calls return, and the callbacks.
//!
//! Facts: `srctree/fs/ocfs2/stackglue.h` (the contract), `stack_o2cb.c` (a cancel that came too
//! late is silent there, only the ast comes), `stack_user.c` (a cancel that worked is reported by
//! an unlock ast), `dlm/dlmthread.c` (which nodes get a bast), `srctree/fs/dlm/lock.c` (-EBUSY).

use super::machine::Machine;
use super::mode::{Level, Mode};
use super::state::{Call, PendingRefusal, Refresh, State};
use super::step::{Answer, Kick, Refusal, Unexpected};

/// How long to wait for fs/dlm to finish a cancel before the next request, in ns.
const BUSY_NS: u64 = 20_000_000;
/// How long to wait before a failed downconvert or cancel is tried again, in ns.
const RETRY_NS: u64 = 200_000_000;

impl Machine {
    /// Reports what a DLM call returned. Every call must be reported; its callbacks may have run
    /// before.
    ///
    /// An error means that no callback will come for this call.
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
                (Call::Lock, State::Downconverting { .. }) => self.downconvert_failed(refusal, now),
                (Call::Cancel, State::Cancelling { up }) => {
                    self.state = State::Upconverting { up };
                    self.down_after = now.saturating_add(RETRY_NS);
                }
                (Call::Unlock, State::Unlocking { level }) if refusal == Refusal::Busy => {
                    self.state = State::Held { level };
                    self.request_after = Some(now.saturating_add(BUSY_NS));
                }
                // No callback will come, so there is nothing left to wait for.
                (Call::Unlock, State::Unlocking { .. }) => self.state = State::Gone,
                // The callback came first and has changed the state.
                _ => {}
            }
        }
        Ok(self.kick(true, now))
    }

    /// The lock ast: the request is granted or refused.
    pub fn ast(&mut self, answer: Answer, now: u64) -> Result<Kick, Unexpected> {
        match (self.state, answer) {
            (State::Acquiring { want, .. }, Ok(())) => self.granted(want, now),
            // The grant was faster than the cancel, which the DLM then doesn't answer.
            (State::Upconverting { up } | State::Cancelling { up }, Ok(())) => {
                self.granted(up.to(), now);
            }
            (State::Downconverting { down }, Ok(())) => {
                self.state = State::Held { level: down.to() };
                self.lvb_invalid = false;
                self.settle_blocking();
            }
            (
                State::Acquiring { .. } | State::Upconverting { .. } | State::Cancelling { .. },
                Err(refusal),
            ) => self.refused(refusal, now),
            (State::Downconverting { .. }, Err(refusal)) => self.downconvert_failed(refusal, now),
            _ => return Err(Unexpected { event: "ast" }),
        }
        Ok(self.kick(true, now))
    }

    /// The blocking ast: another node waits for `mode`.
    pub fn bast(&mut self, mode: Mode, now: u64) -> Kick {
        match self.state {
            // Late: this node has nothing, and has requested nothing.
            State::Unlocked | State::Held { level: Level::Nl } => {}
            State::Unlocking { .. } | State::Gone => {}
            _ => self.blocking = self.blocking.max(Some(mode)),
        }
        self.settle_blocking();
        self.kick(false, now)
    }

    /// The unlock ast: the request is cancelled, or the lock is unlocked.
    pub fn unlock_ast(&mut self, answer: Answer, now: u64) -> Result<Kick, Unexpected> {
        match (self.state, answer) {
            (State::Cancelling { up }, Ok(())) => {
                self.requester = false;
                self.state = State::Held { level: up.from() };
                self.settle_blocking();
            }
            (State::Cancelling { up }, Err(_)) => {
                self.state = State::Upconverting { up };
                self.down_after = now.saturating_add(RETRY_NS);
            }
            (State::Unlocking { .. }, _) => self.state = State::Gone,
            _ => {
                return Err(Unexpected {
                    event: "unlock_ast",
                })
            }
        }
        Ok(self.kick(true, now))
    }

    fn granted(&mut self, level: Level, now: u64) {
        self.contended = false;
        self.requester = false;
        if level == Level::Nl {
            self.state = State::Held { level };
            return self.settle_blocking();
        }
        if self.level() == Level::Nl {
            self.generation = self.generation.wrapping_add(1);
            self.refresh_state = if self.kind.refresh {
                Refresh::Needed
            } else {
                Refresh::Done
            };
        }
        // A bast that came before the ast is about this grant. Local waiters go first all the
        // same.
        let blocking = self.blocking.take();
        self.state = State::Held { level };
        self.granted_at = now;
        self.last_use = now;
        self.grant_waiters(now);
        self.blocking = blocking;
        self.settle_blocking();
    }

    /// The DLM refused a new lock or an upconvert.
    fn refused(&mut self, refusal: Refusal, now: u64) {
        let probe = matches!(self.state, State::Acquiring { probe: true, .. });
        self.state = match self.state {
            State::Acquiring { .. } => State::Unlocked,
            _ => State::Held {
                level: self.level(),
            },
        };
        match refusal {
            Refusal::Again if probe => self.contended = true,
            Refusal::Busy => self.request_after = Some(now.saturating_add(BUSY_NS)),
            // The other node has PR and wants EX as well: let it go first.
            Refusal::Deadlock if self.level() == Level::Pr => self.blocking = Some(Mode::Ex),
            _ if self.requester => {
                self.pending_refusal = Some(PendingRefusal {
                    request: self.request,
                    refusal,
                });
            }
            _ => {}
        }
        self.requester = false;
        self.settle_blocking();
    }

    /// The DLM refused a downconvert: this node keeps its level, and another node still waits.
    fn downconvert_failed(&mut self, refusal: Refusal, now: u64) {
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

    /// Forgets the waiting node once this node's level doesn't block it, except while a request is
    /// pending: a bast may come before the ast that it is about.
    pub(super) fn settle_blocking(&mut self) {
        if matches!(self.state, State::Held { .. } | State::Unlocked) && self.target().is_none() {
            self.blocking = None;
        }
    }
}
