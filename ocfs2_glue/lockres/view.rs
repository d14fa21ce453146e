// SPDX-License-Identifier: GPL-2.0-only
//! Looking at a machine: for counters, traces, and the model checker.

use super::machine::Machine;
use super::mode::{Level, Mode};
use super::state::{Call, Counts, Fresh, State};
use super::step::{Refusal, Waiter};
use super::ticket::Tickets;

/// Everything about a machine that has a bearing on what it does from now on, with times counted
/// from now. Two machines of the same kind and policy with equal views behave alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    state: State,
    in_call: Option<Call>,
    asked: Option<Mode>,
    holders: Counts,
    waiting: Counts,
    handed: Counts,
    fresh: Fresh,
    slice_left: u64,
    idle_left: u64,
    tickets: Tickets,
    requester: bool,
    verdict: Option<Refusal>,
    crowded: bool,
    ask_in: Option<u64>,
    down_in: u64,
    spoiled: bool,
    work_in: Option<u64>,
    closing: bool,
    lost: Option<i32>,
}

/// What a waiter has, as its next poll will find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It is in line.
    InLine,
    /// It is in line, and the request under way (or just refused) is its own.
    Asking,
    /// It was handed its hold.
    Handed,
}

impl Machine {
    /// Where it stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// What the DLM counts for this node.
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

    /// What another node waits for, as far as this one was told.
    pub const fn asked(&self) -> Option<Mode> {
        self.asked
    }

    /// Does another node wait for this one?
    pub const fn is_blocking(&self) -> bool {
        self.asked.is_some()
    }

    /// Bumped each time the lock came back from NL: what was read before may be stale.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Holds that are out: (PR, EX).
    pub const fn holders(&self) -> (u32, u32) {
        (self.holders.pr, self.holders.ex)
    }

    /// Tasks in line: (PR, EX).
    pub const fn waiters(&self) -> (u32, u32) {
        (self.waiting.pr, self.waiting.ex)
    }

    /// Tickets that are out and haven't run out.
    pub fn tickets(&self, now: u64) -> u32 {
        self.tickets.seen_from(now).count()
    }

    /// Nothing more will come from the DLM; the memory may go.
    pub fn is_gone(&self) -> bool {
        self.state == State::Gone && self.in_call.is_none()
    }

    /// What must be true whatever happened, and isn't; for tests, and cheap enough for debugging.
    pub fn check(&self) -> Option<&'static str> {
        let down = match self.state {
            State::Flushing { down } | State::Downconverting { down } => Some(down),
            _ => None,
        };
        let asking = matches!(
            self.state,
            State::Acquiring { .. } | State::Upconverting { .. } | State::Cancelling { .. }
        );
        let gone = self.state == State::Gone;
        let nothing = matches!(
            self.state,
            State::Unlocked | State::Held { level: Level::Nl }
        );
        let checks = [
            (
                self.handed.pr <= self.holders.pr && self.handed.ex <= self.holders.ex,
                "handed more than is held",
            ),
            (
                gone || !self.holders.above(self.level()),
                "held more than is granted",
            ),
            (
                down.is_none_or(|down| !self.holders.above(down.to())),
                "a holder in the way of a downconvert",
            ),
            (
                self.fresh != Fresh::Refreshing || self.holders.any(),
                "a refresh by nobody",
            ),
            (!nothing || self.asked.is_none(), "asked for nothing"),
            (
                self.verdict.is_none() || !asking,
                "asked again before the refusal was collected",
            ),
            (asking || !self.requester, "a requester of nothing"),
            (
                !matches!(self.state, State::Flushing { .. }) || self.in_call.is_none(),
                "a flush beside a call",
            ),
            (
                !matches!(self.state, State::Unlocking { .. }) || !self.holders.any(),
                "dropped under a holder",
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
            asked: self.asked,
            holders: self.holders,
            waiting: self.waiting,
            handed: self.handed,
            fresh: self.fresh,
            slice_left: left(self.granted_at.saturating_add(self.policy.slice_ns)),
            idle_left: left(self.last_use.saturating_add(self.policy.idle_ns)),
            tickets: self.tickets.seen_from(now),
            requester: self.requester,
            verdict: self.verdict.map(|v| v.refusal),
            crowded: self.crowded,
            ask_in: self.ask_after.map(left),
            down_in: left(self.down_after),
            spoiled: self.spoiled,
            work_in: self.work_at.map(left),
            closing: self.closing,
            lost: self.lost,
        }
    }

    /// See [`Standing`].
    pub fn standing(&self, waiter: &Waiter) -> Standing {
        let batch = match waiter.mode {
            Mode::Pr => self.batch.pr,
            Mode::Ex => self.batch.ex,
        };
        let known = self.requester || self.verdict.is_some();
        if waiter.batch != batch {
            Standing::Handed
        } else if known && waiter.request == Some(self.request) {
            Standing::Asking
        } else {
            Standing::InLine
        }
    }
}
