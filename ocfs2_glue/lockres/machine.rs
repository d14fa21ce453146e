// SPDX-License-Identifier: GPL-2.0-only
//! The machine itself, and its local side: acquire, poll, abandon, refreshed, release.

use super::membership::Membership;
use super::mode::{Down, Level, Mode, Up};
use super::state::{Call, Counts, PendingRefusal, Refresh, State};
use super::step::{
    DlmCall, Hold, How, Kick, Kind, LockError, Lvb, Outcome, Policy, Refusal, Step, Task,
    Unexpected, Waiter,
};
use super::ticket::{Ticket, Tickets};

/// Whether requests may be granted at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// They wait until the slot map was read.
    Wait,
    /// They fail.
    Fail(LockError),
}

/// One lock resource. See the module's documentation for who may call what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    pub(super) kind: Kind,
    pub(super) policy: Policy,
    pub(super) state: State,
    pub(super) in_call: Option<Call>,
    /// The strongest mode that another node waits for because of this node's level.
    pub(super) blocking: Option<Mode>,
    /// Holds, including those reserved for waiters.
    pub(super) holders: Counts,
    /// Waiters without a reserved hold.
    pub(super) waiting: Counts,
    /// Holds that a grant reserved for waiters, who haven't polled since.
    pub(super) reserved: Counts,
    /// Incremented when holds are reserved for all waiters of that mode. A waiter whose own number
    /// is older has a reserved hold.
    pub(super) batch: Counts,
    pub(super) refresh_state: Refresh,
    pub(super) granted_at: u64,
    pub(super) last_use: u64,
    pub(super) tickets: Tickets,
    /// The number of the last request to the DLM.
    pub(super) request: u32,
    /// The waiter that made that request still waits.
    pub(super) requester: bool,
    pub(super) pending_refusal: Option<PendingRefusal>,
    /// The DLM refused to grant a new lock at once.
    pub(super) contended: bool,
    /// No request before this time (fs/dlm was busy).
    pub(super) request_after: Option<u64>,
    /// No downconvert before this time (it failed, or the flush couldn't be done).
    pub(super) down_after: u64,
    /// The last flush failed, so the LVB must not be trusted.
    pub(super) lvb_invalid: bool,
    /// When the worker will run, as the caller was last told.
    pub(super) work_at: Option<u64>,
    pub(super) generation: u64,
    pub(super) closing: bool,
}

impl Machine {
    /// A lock that wasn't requested from the DLM yet.
    pub const fn new(kind: Kind, policy: Policy) -> Self {
        let none = Counts { pr: 0, ex: 0 };
        Machine {
            kind,
            policy,
            state: State::Unlocked,
            in_call: None,
            blocking: None,
            holders: none,
            waiting: none,
            reserved: none,
            batch: none,
            refresh_state: Refresh::Needed,
            granted_at: 0,
            last_use: 0,
            tickets: Tickets::new(),
            request: 0,
            requester: false,
            pending_refusal: None,
            contended: false,
            request_after: None,
            down_after: 0,
            lvb_invalid: false,
            work_at: None,
            generation: 0,
            closing: false,
        }
    }

    /// Requests the lock for `task`.
    ///
    /// [`How::Try`] answers at once and never returns a call. It fails if the lock must be
    /// refreshed, if a node is suspect, and if the lock is due to go to another node, unless the
    /// task left a ticket. The other kinds use a ticket as well; a task that has to wait anyway
    /// loses its ticket.
    ///
    /// A task must not wait for a lock that it holds: the lock may be due to go to another node,
    /// which waits for the hold.
    pub fn acquire(
        &mut self,
        mode: Mode,
        how: How,
        task: Task,
        members: Membership,
        now: u64,
    ) -> Step<Outcome> {
        let gate = self.gate(members);
        if let Gate::Fail(error) = gate {
            return Step::only(Outcome::Failed(error));
        }
        if how == How::Try {
            // A refresh sleeps.
            let value = match (gate, self.refresh_state) {
                (Gate::Open, Refresh::Done) => self.try_grant(mode, task, now),
                _ => None,
            };
            return Step::only(value.unwrap_or(Outcome::WouldBlock));
        }
        if gate == Gate::Open {
            if let Some(value) = self.try_grant(mode, task, now) {
                return self.step(value, None, false, now);
            }
        }
        self.tickets.forget(task);
        if !self.waiting.add(mode) {
            return Step::only(Outcome::Failed(LockError::Misuse));
        }
        let mut waiter = Waiter {
            mode,
            task,
            noqueue: how == How::NoQueue,
            batch: *self.batch.of(mode),
            request: None,
        };
        let call = self.send_request(&mut waiter, now);
        self.step(Outcome::Wait(waiter), call, false, now)
    }

    /// Whether a [`How::Try`] of `task` would succeed at `now`. Changes nothing: a ticket isn't
    /// used up, and the lock doesn't count as used. `now` matters only if
    /// [`Machine::is_blocking`].
    pub fn would_grant(&self, mode: Mode, task: Task, members: Membership, now: u64) -> bool {
        let mut tickets = self.tickets;
        self.gate(members) == Gate::Open
            && self.refresh_state == Refresh::Done
            && self.usable().covers(mode)
            && (!self.blocked(mode, now) || tickets.take(task, mode, now) != Ticket::None)
    }

    /// Asks again for a waiter that was woken.
    pub fn poll(&mut self, mut waiter: Waiter, members: Membership, now: u64) -> Step<Outcome> {
        let mode = waiter.mode;
        let gate = self.gate(members);
        if waiter.batch != *self.batch.of(mode) {
            return self.collect(waiter, gate, now);
        }
        if let Gate::Fail(error) = gate {
            self.dequeue(&waiter);
            return self.step(Outcome::Failed(error), None, true, now);
        }
        if let Some(refusal) = self.refusal_for(&waiter) {
            self.dequeue(&waiter);
            let value = if waiter.noqueue && refusal == Refusal::Again {
                Outcome::WouldBlock
            } else {
                Outcome::Failed(LockError::Refused(refusal))
            };
            return self.step(value, None, true, now);
        }
        if gate == Gate::Open {
            if let Some(value) = self.try_grant(mode, waiter.task, now) {
                self.dequeue(&waiter);
                return self.step(value, None, false, now);
            }
        }
        let call = self.send_request(&mut waiter, now);
        self.step(Outcome::Wait(waiter), call, false, now)
    }

    /// Gives a waiter the hold that was reserved for it. It goes on waiting while another holder
    /// refreshes, or until the slot map was read.
    fn collect(&mut self, waiter: Waiter, gate: Gate, now: u64) -> Step<Outcome> {
        let refreshing = gate == Gate::Open && self.refresh_state == Refresh::Running;
        if refreshing || gate == Gate::Wait {
            return Step::only(Outcome::Wait(waiter));
        }
        if !self.reserved.sub(waiter.mode) {
            return Step::only(Outcome::Failed(LockError::Misuse));
        }
        let wake = self.forget_request(&waiter);
        if let Gate::Fail(error) = gate {
            self.holders.sub(waiter.mode);
            return self.step(Outcome::Failed(error), None, true, now);
        }
        let hold = self.hold(waiter.mode, waiter.task, true);
        self.step(Outcome::Granted(hold), None, wake, now)
    }

    /// Removes a waiter whose task was killed. A request that it made to the DLM goes on.
    pub fn abandon(&mut self, waiter: Waiter, now: u64) -> Kick {
        if waiter.batch != *self.batch.of(waiter.mode) {
            if self.reserved.sub(waiter.mode) {
                self.holders.sub(waiter.mode);
                self.last_use = now;
            }
            self.forget_request(&waiter);
        } else {
            self.dequeue(&waiter);
        }
        self.kick(true, now)
    }

    /// Reports that the holder has refreshed the protected data, or (`ok` is false) failed to.
    ///
    /// After a failure the next holder must refresh. The hold stays until it is released.
    pub fn refreshed(&mut self, hold: &mut Hold, ok: bool, now: u64) -> Result<Kick, Unexpected> {
        if !hold.refresh || self.refresh_state != Refresh::Running {
            return Err(Unexpected { event: "refreshed" });
        }
        hold.refresh = false;
        self.refresh_state = if ok { Refresh::Done } else { Refresh::Needed };
        if ok {
            self.grant_waiters(now);
        }
        Ok(self.kick(true, now))
    }

    /// Releases a hold.
    pub fn release(&mut self, hold: Hold, now: u64) -> Result<Kick, Unexpected> {
        if !self.holders.sub(hold.mode) {
            return Err(Unexpected { event: "release" });
        }
        let unfinished = hold.refresh && self.refresh_state == Refresh::Running;
        if unfinished {
            self.refresh_state = Refresh::Needed;
        }
        self.last_use = now;
        if hold.half && !self.closing {
            self.tickets.expire(now);
            self.tickets.put_back_half(hold.task, self.ticket_end(now));
        }
        let wake = unfinished || (self.closing && !self.holders.any());
        Ok(self.kick(wake, now))
    }

    /// Releases a hold and leaves a ticket, for a task whose folio operation will be called again.
    /// The ticket lets the same task in once within [`Policy::ticket_ns`], and a downconvert waits
    /// for that. An EX ticket admits one PR request and then one EX request, as a write fault
    /// makes them.
    pub fn leave_ticket(&mut self, mut hold: Hold, now: u64) -> Result<Kick, Unexpected> {
        let ticket = hold.may_leave && self.policy.ticket_ns > 0 && !self.closing;
        if ticket && *self.holders.of(hold.mode) > 0 {
            self.tickets.expire(now);
            self.tickets
                .leave(hold.task, hold.mode, self.ticket_end(now));
            hold.half = false;
        }
        self.release(hold, now)
    }

    /// Returns this task's unused ticket when the read or fault is over; otherwise it would delay
    /// a downconvert until it expires.
    pub fn return_ticket(&mut self, task: Task, now: u64) -> Kick {
        self.tickets.expire(now);
        self.tickets.forget(task);
        self.kick(false, now)
    }

    fn ticket_end(&self, now: u64) -> u64 {
        now.saturating_add(self.policy.ticket_ns)
    }

    /// Whether a request may be granted at all.
    fn gate(&self, members: Membership) -> Gate {
        match members {
            Membership::Lost => Gate::Fail(LockError::Lost),
            _ if self.closing => Gate::Fail(LockError::Shutdown),
            Membership::Unrecovered => Gate::Fail(LockError::Unrecovered),
            Membership::Suspect => Gate::Wait,
            Membership::Complete => Gate::Open,
        }
    }

    /// The level that new holders can rely on: during a downconvert, the level after it.
    fn usable(&self) -> Level {
        match self.state {
            State::Flushing { down } | State::Downconverting { down } => down.to(),
            _ => self.level(),
        }
    }

    /// The lock is due to go to another node, and a new holder of `mode` would delay that.
    fn blocked(&self, mode: Mode, now: u64) -> bool {
        match self.target() {
            Some(down) => !down.to().covers(mode) && now >= self.slice_end(),
            None => false,
        }
    }

    /// The downconvert that the other node waits for.
    pub(super) fn target(&self) -> Option<Down> {
        Down::between(self.level(), self.blocking?.leaves())
    }

    /// Until when this node keeps its level although another node waits. The slice is over at once
    /// if a writer here waits for an upconvert, which has to wait for the other node anyway.
    pub(super) fn slice_end(&self) -> u64 {
        if self.waiting.ex > 0 && !self.level().covers(Mode::Ex) {
            return 0;
        }
        let slice = self.granted_at.saturating_add(self.policy.slice_ns);
        if self.holders.any() {
            return slice;
        }
        slice.min(self.last_use.saturating_add(self.policy.idle_ns))
    }

    /// Gives a task a hold if the present level allows it.
    fn try_grant(&mut self, mode: Mode, task: Task, now: u64) -> Option<Outcome> {
        if !self.usable().covers(mode) || self.refresh_state == Refresh::Running {
            return None;
        }
        let blocked = self.blocked(mode, now);
        let ticket = self.tickets.take(task, mode, now);
        if blocked && ticket == Ticket::None {
            return None;
        }
        // With the first half of an EX ticket the hold counts as EX: the worker must not convert
        // to PR before the second half was used.
        let half = ticket == Ticket::Half && self.usable().covers(Mode::Ex);
        let mode = if half { Mode::Ex } else { mode };
        if !self.holders.add(mode) {
            return Some(Outcome::Failed(LockError::Misuse));
        }
        // A task that needed its ticket can't leave another one, or it could go on for ever.
        let mut hold = self.hold(mode, task, !blocked);
        hold.half = half;
        Some(Outcome::Granted(hold))
    }

    fn hold(&mut self, mode: Mode, task: Task, may_leave: bool) -> Hold {
        let refresh = self.refresh_state == Refresh::Needed;
        if refresh {
            self.refresh_state = Refresh::Running;
        }
        Hold {
            mode,
            task,
            may_leave,
            refresh,
            half: false,
        }
    }

    /// Reserves a hold for each waiter that the present level allows.
    pub(super) fn grant_waiters(&mut self, now: u64) {
        for mode in [Mode::Pr, Mode::Ex] {
            let n = *self.waiting.of(mode);
            if n == 0 || !self.usable().covers(mode) || self.blocked(mode, now) {
                continue;
            }
            let holders = self.holders.of(mode);
            let Some(sum) = holders.checked_add(n) else {
                continue;
            };
            *holders = sum;
            *self.waiting.of(mode) = 0;
            let reserved = self.reserved.of(mode);
            *reserved = reserved.saturating_add(n);
            let batch = self.batch.of(mode);
            *batch = batch.wrapping_add(1);
        }
    }

    fn refusal_for(&self, waiter: &Waiter) -> Option<Refusal> {
        let pending_refusal = self.pending_refusal?;
        (waiter.request == Some(pending_refusal.request)).then_some(pending_refusal.refusal)
    }

    /// Removes a waiter without a reserved hold, and a refusal that is for it.
    fn dequeue(&mut self, waiter: &Waiter) {
        self.waiting.sub(waiter.mode);
        self.forget_request(waiter);
    }

    /// This waiter no longer wants the answer to its request. True if the answer was a refusal
    /// that it hadn't collected, which kept other waiters from making requests.
    fn forget_request(&mut self, waiter: &Waiter) -> bool {
        if self.refusal_for(waiter).is_some() {
            self.pending_refusal = None;
            return true;
        }
        if waiter.request == Some(self.request) {
            self.requester = false;
        }
        false
    }

    /// Makes the DLM request that this waiter needs, if one can be made now.
    fn send_request(&mut self, waiter: &mut Waiter, now: u64) -> Option<DlmCall> {
        if self.in_call.is_some()
            || self.pending_refusal.is_some()
            || self.request_after.is_some_and(|at| now < at)
        {
            return None;
        }
        // One request serves all waiters, but a NOQUEUE request only its own.
        let mode = match waiter.noqueue {
            false if self.waiting.ex > 0 => Mode::Ex,
            _ => waiter.mode,
        };
        let (level, convert, noqueue) = match self.state {
            State::Unlocked if self.contended && !waiter.noqueue => (Level::Nl, false, false),
            State::Unlocked => (mode.level(), false, true),
            // An upconvert would deadlock with a node that waits for this node's level.
            State::Held { level } if self.target().is_none() => {
                self.state = State::Upconverting {
                    up: Up::between(level, mode)?,
                };
                (mode.level(), true, waiter.noqueue)
            }
            _ => return None,
        };
        if !convert {
            self.state = State::Acquiring {
                want: level,
                probe: noqueue && !waiter.noqueue,
            };
        }
        self.request_after = None;
        self.in_call = Some(Call::Lock);
        self.request = self.request.wrapping_add(1);
        self.requester = true;
        waiter.request = Some(self.request);
        let lvb = if self.kind.lvb {
            Lvb::Leave
        } else {
            Lvb::Unused
        };
        Some(DlmCall::Lock {
            level,
            convert,
            noqueue,
            lvb,
        })
    }

    /// What the caller must do: wake waiters, and have the worker run if it is needed sooner than
    /// the caller was last told.
    pub(super) fn kick(&mut self, wake: bool, now: u64) -> Kick {
        let asleep = self.waiting.any() || self.reserved.any() || self.closing;
        let work = self.work_due(now).map(|at| at.max(now));
        let news = work.filter(|at| self.work_at.is_none_or(|told| *at < told));
        if news.is_some() {
            self.work_at = news;
        }
        Kick {
            work: news.map(|at| at - now),
            wake: wake && asleep,
        }
    }

    pub(super) fn step<T>(
        &mut self,
        value: T,
        call: Option<DlmCall>,
        wake: bool,
        now: u64,
    ) -> Step<T> {
        Step {
            value,
            kick: self.kick(wake, now),
            call,
        }
    }
}

impl<T> Step<T> {
    /// An answer that concerns no other task.
    pub(super) fn only(value: T) -> Self {
        Step {
            value,
            kick: Kick {
                work: None,
                wake: false,
            },
            call: None,
        }
    }
}
