// SPDX-License-Identifier: GPL-2.0-only
//! Reading a machine's state: for counters, traces, and the model checker.

use super::machine::Machine;
use super::mode::{Level, Mode};
use super::state::{Call, Counts, Refresh, State};
use super::step::{Refusal, Waiter};
use super::ticket::Tickets;

/// Everything that decides what a machine does next, with times relative to now. Two machines of
/// the same kind and policy with equal views behave alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    state: State,
    in_call: Option<Call>,
    blocking: Option<Mode>,
    holders: Counts,
    waiting: Counts,
    reserved: Counts,
    refresh_state: Refresh,
    slice_left: u64,
    idle_left: u64,
    tickets: Tickets,
    requester: bool,
    pending_refusal: Option<Refusal>,
    contended: bool,
    request_in: Option<u64>,
    down_in: u64,
    lvb_invalid: bool,
    work_in: Option<u64>,
    closing: bool,
}

/// What the next poll of a waiter will find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaiterState {
    /// It waits.
    Waiting,
    /// It waits, and the request that is pending (or just refused) is its own.
    Requesting,
    /// A hold is reserved for it.
    Reserved,
}

impl Machine {
    /// The state.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The level that the DLM has granted to this node.
    pub const fn level(&self) -> Level {
        match self.state {
            State::Held { level } => level,
            State::Upconverting { up } | State::Cancelling { up } => up.from(),
            State::Flushing { down } | State::Downconverting { down } => down.from(),
            State::Unlocked | State::Acquiring { .. } | State::Unlocking { .. } | State::Gone => {
                Level::Nl
            }
        }
    }

    /// The mode that another node waits for, as far as this node knows.
    pub const fn blocking(&self) -> Option<Mode> {
        self.blocking
    }

    /// Whether another node waits for this one.
    pub const fn is_blocking(&self) -> bool {
        self.blocking.is_some()
    }

    /// Incremented by each grant after NL: what was read under an earlier number may be stale.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The number of holds, reserved ones included: (PR, EX).
    pub const fn holders(&self) -> (u32, u32) {
        (self.holders.pr, self.holders.ex)
    }

    /// The number of waiters without a reserved hold: (PR, EX).
    pub const fn waiters(&self) -> (u32, u32) {
        (self.waiting.pr, self.waiting.ex)
    }

    /// The number of tickets that haven't expired.
    pub fn tickets(&self, now: u64) -> u32 {
        self.tickets.seen_from(now).count()
    }

    /// The DLM makes no more callbacks; the memory may be freed.
    pub fn is_gone(&self) -> bool {
        self.state == State::Gone && self.in_call.is_none()
    }

    /// The first invariant that doesn't hold; for tests, and cheap enough for debugging.
    pub fn check(&self) -> Option<&'static str> {
        let down = match self.state {
            State::Flushing { down } | State::Downconverting { down } => Some(down),
            _ => None,
        };
        let asking = matches!(
            self.state,
            State::Acquiring { .. } | State::Upconverting { .. } | State::Cancelling { .. }
        );
        let nothing = matches!(
            self.state,
            State::Unlocked | State::Held { level: Level::Nl }
        );
        let checks = [
            (
                self.reserved.pr <= self.holders.pr && self.reserved.ex <= self.holders.ex,
                "reserved more than is held",
            ),
            (
                !self.holders.above(self.level()),
                "held more than is granted",
            ),
            (
                down.is_none_or(|down| !self.holders.above(down.to())),
                "a holder in the way of a downconvert",
            ),
            (
                self.refresh_state != Refresh::Running || self.holders.any(),
                "a refresh by nobody",
            ),
            (
                !nothing || self.blocking.is_none(),
                "blocks another node with nothing",
            ),
            (
                self.pending_refusal.is_none() || !asking,
                "a request before the refusal was collected",
            ),
            (asking || !self.requester, "a requester without a request"),
            (
                !matches!(self.state, State::Flushing { .. }) || self.in_call.is_none(),
                "a flush beside a call",
            ),
            (
                !matches!(self.state, State::Unlocking { .. }) || !self.holders.any(),
                "unlocked under a holder",
            ),
        ];
        checks.iter().find(|c| !c.0).map(|c| c.1)
    }

    /// See [`View`].
    pub fn view(&self, now: u64) -> View {
        let left = |at: u64| at.saturating_sub(now);
        View {
            state: self.state,
            in_call: self.in_call,
            blocking: self.blocking,
            holders: self.holders,
            waiting: self.waiting,
            reserved: self.reserved,
            refresh_state: self.refresh_state,
            slice_left: left(self.granted_at.saturating_add(self.policy.slice_ns)),
            idle_left: left(self.last_use.saturating_add(self.policy.idle_ns)),
            tickets: self.tickets.seen_from(now),
            requester: self.requester,
            pending_refusal: self.pending_refusal.map(|v| v.refusal),
            contended: self.contended,
            request_in: self.request_after.map(left),
            down_in: left(self.down_after),
            lvb_invalid: self.lvb_invalid,
            work_in: self.work_at.map(left),
            closing: self.closing,
        }
    }

    /// See [`WaiterState`].
    pub fn waiter_state(&self, waiter: &Waiter) -> WaiterState {
        let batch = match waiter.mode {
            Mode::Pr => self.batch.pr,
            Mode::Ex => self.batch.ex,
        };
        let known = self.requester || self.pending_refusal.is_some();
        if waiter.batch != batch {
            WaiterState::Reserved
        } else if known && waiter.request == Some(self.request) {
            WaiterState::Requesting
        } else {
            WaiterState::Waiting
        }
    }
}
