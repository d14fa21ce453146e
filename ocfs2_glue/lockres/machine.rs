// SPDX-License-Identifier: GPL-2.0-only
//! The machine itself, and its local side: acquire, poll, abandon, refreshed, release.

use super::mode::{Down, Level, Mode, Up};
use super::state::{Call, Counts, Fresh, State, Verdict};
use super::step::{
    DlmCall, Fault, Hold, How, Kick, Kind, Lvb, Outcome, Policy, Refusal, Step, Task, Unexpected,
    Waiter,
};
use super::ticket::{Ticket, Tickets};

/// One lock resource. See the module's documentation for who may call what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    pub(super) kind: Kind,
    pub(super) policy: Policy,
    pub(super) state: State,
    pub(super) in_call: Option<Call>,
    /// The strongest mode another node has asked for and not got from us yet.
    pub(super) asked: Option<Mode>,
    /// Holds that are out, with those of waiters who were handed theirs and haven't run yet.
    pub(super) holders: Counts,
    /// In line, not handed anything.
    pub(super) waiting: Counts,
    /// Handed a hold, not collected.
    pub(super) handed: Counts,
    /// Bumped when the waiters of that mode are handed their holds.
    pub(super) batch: Counts,
    pub(super) fresh: Fresh,
    pub(super) granted_at: u64,
    pub(super) last_use: u64,
    pub(super) tickets: Tickets,
    /// Number of the last request, and whether its maker is still there to be told.
    pub(super) request: u32,
    pub(super) requester: bool,
    pub(super) verdict: Option<Verdict>,
    /// A new lock wasn't to be had at once.
    pub(super) crowded: bool,
    /// No request before this time (fs/dlm was busy).
    pub(super) ask_after: Option<u64>,
    /// No downconvert before this time (it failed, or the flush couldn't be done).
    pub(super) down_after: u64,
    /// The last flush failed: spoil the LVB.
    pub(super) spoiled: bool,
    /// When the worker is due to run, as far as it was told.
    pub(super) work_at: Option<u64>,
    pub(super) generation: u64,
    pub(super) closing: bool,
    pub(super) lost: Option<i32>,
}

impl Machine {
    /// A lock that the DLM doesn't know yet.
    pub const fn new(kind: Kind, policy: Policy) -> Self {
        let none = Counts { pr: 0, ex: 0 };
        Machine {
            kind,
            policy,
            state: State::Unlocked,
            in_call: None,
            asked: None,
            holders: none,
            waiting: none,
            handed: none,
            batch: none,
            fresh: Fresh::No,
            granted_at: 0,
            last_use: 0,
            tickets: Tickets::new(),
            request: 0,
            requester: false,
            verdict: None,
            crowded: false,
            ask_after: None,
            down_after: 0,
            spoiled: false,
            work_at: None,
            generation: 0,
            closing: false,
            lost: None,
        }
    }

    /// Asks for the lock on behalf of `task`.
    ///
    /// [`How::Try`] answers at once and never yields a call. It is refused while a refresh is
    /// needed, and while another node's turn has come, unless the task left a ticket for it. The
    /// others honour a ticket as well; a task that must wait all the same gives up its ticket.
    ///
    /// A task must not wait for a lock it holds: the other node's turn may come in between.
    pub fn acquire(&mut self, mode: Mode, how: How, task: Task, now: u64) -> Step<Outcome> {
        if let Some(fault) = self.fault() {
            return Step::only(Outcome::Failed(fault));
        }
        if how == How::Try {
            // A refresh would have to be waited for, whoever does it.
            let value = match self.fresh {
                Fresh::Yes => self.let_in(mode, task, now),
                Fresh::No | Fresh::Refreshing => None,
            };
            return Step::only(value.unwrap_or(Outcome::WouldBlock));
        }
        if let Some(value) = self.let_in(mode, task, now) {
            return self.step(value, None, false, now);
        }
        self.tickets.forget(task);
        if !self.waiting.add(mode) {
            return Step::only(Outcome::Failed(Fault::Misuse));
        }
        let mut waiter = Waiter {
            mode,
            task,
            noqueue: how == How::NoQueue,
            batch: *self.batch.of(mode),
            request: None,
        };
        let call = self.ask(&mut waiter, now);
        self.step(Outcome::Wait(waiter), call, false, now)
    }

    /// Whether a [`How::Try`] of `task` would get in at `now`. For who wants to know and not to
    /// hold: it changes nothing, so a ticket is still there, and doesn't count as a use. Unless
    /// [`Machine::is_blocking`], the time doesn't matter.
    pub fn would_grant(&self, mode: Mode, task: Task, now: u64) -> bool {
        let mut tickets = self.tickets;
        self.fault().is_none()
            && self.fresh == Fresh::Yes
            && self.usable().covers(mode)
            && (!self.blocked(mode, now) || tickets.take(task, mode, now) != Ticket::None)
    }

    /// After a wake: is it there now?
    pub fn poll(&mut self, mut waiter: Waiter, now: u64) -> Step<Outcome> {
        let mode = waiter.mode;
        if waiter.batch != *self.batch.of(mode) {
            return self.collect(waiter, now);
        }
        if let Some(fault) = self.fault() {
            self.leave_line(&waiter);
            return self.step(Outcome::Failed(fault), None, true, now);
        }
        if let Some(refusal) = self.verdict_for(&waiter) {
            self.leave_line(&waiter);
            let value = if waiter.noqueue && refusal == Refusal::Again {
                Outcome::WouldBlock
            } else {
                Outcome::Failed(Fault::Refused(refusal))
            };
            return self.step(value, None, true, now);
        }
        if let Some(value) = self.let_in(mode, waiter.task, now) {
            self.leave_line(&waiter);
            return self.step(value, None, false, now);
        }
        let call = self.ask(&mut waiter, now);
        self.step(Outcome::Wait(waiter), call, false, now)
    }

    /// A waiter whose hold is counted already; only a refresh, or its turn at one, may be missing.
    fn collect(&mut self, waiter: Waiter, now: u64) -> Step<Outcome> {
        if self.fault().is_none() && self.fresh == Fresh::Refreshing {
            return Step::only(Outcome::Wait(waiter));
        }
        if !self.handed.sub(waiter.mode) {
            return Step::only(Outcome::Failed(Fault::Misuse));
        }
        let wake = self.forget_request(&waiter);
        if let Some(fault) = self.fault() {
            self.holders.sub(waiter.mode);
            return self.step(Outcome::Failed(fault), None, true, now);
        }
        let hold = self.hold(waiter.mode, waiter.task, true);
        self.step(Outcome::Granted(hold), None, wake, now)
    }

    /// The task was killed while it waited. What it asked of the DLM stays asked.
    pub fn abandon(&mut self, waiter: Waiter, now: u64) -> Kick {
        if waiter.batch != *self.batch.of(waiter.mode) {
            if self.handed.sub(waiter.mode) {
                self.holders.sub(waiter.mode);
                self.last_use = now;
            }
            self.forget_request(&waiter);
        } else {
            self.leave_line(&waiter);
        }
        self.kick(true, now)
    }

    /// The holder that was told to refresh has done so, or couldn't.
    ///
    /// If it couldn't, the next one who gets in is told to. The hold stays, to be released.
    pub fn refreshed(&mut self, hold: &mut Hold, ok: bool, now: u64) -> Result<Kick, Unexpected> {
        if !hold.refresh || self.fresh != Fresh::Refreshing {
            return Err(Unexpected { event: "refreshed" });
        }
        hold.refresh = false;
        self.fresh = if ok { Fresh::Yes } else { Fresh::No };
        if ok {
            self.hand_over(now);
        }
        Ok(self.kick(true, now))
    }

    /// A holder is done.
    pub fn release(&mut self, hold: Hold, now: u64) -> Result<Kick, Unexpected> {
        if !self.holders.sub(hold.mode) {
            return Err(Unexpected { event: "release" });
        }
        let unfinished = hold.refresh && self.fresh == Fresh::Refreshing;
        if unfinished {
            self.fresh = Fresh::No;
        }
        self.last_use = now;
        if hold.rest && self.fault().is_none() {
            self.tickets.expire(now);
            self.tickets.leave_rest(hold.task, self.ticket_end(now));
        }
        let wake = unfinished || (self.shut() && !self.holders.any());
        Ok(self.kick(wake, now))
    }

    /// A holder that waited only so that its folio operation can be tried again: it gives up its
    /// hold and leaves a ticket, good for one acquire by the same task within
    /// [`Policy::ticket_ns`]. A downconvert waits for that. An EX ticket is good for a PR try and
    /// then an EX one, as a write fault needs them.
    pub fn leave_ticket(&mut self, mut hold: Hold, now: u64) -> Result<Kick, Unexpected> {
        let ticket = hold.may_leave && self.policy.ticket_ns > 0 && self.fault().is_none();
        if ticket && *self.holders.of(hold.mode) > 0 {
            self.tickets.expire(now);
            self.tickets
                .leave(hold.task, hold.mode, self.ticket_end(now));
            hold.rest = false;
        }
        self.release(hold, now)
    }

    /// The operation of `task` that may have left a ticket is over: one it didn't need (the folio
    /// had become uptodate meanwhile) goes back, so that nobody has to wait until it runs out.
    pub fn hand_in(&mut self, task: Task, now: u64) -> Kick {
        self.tickets.expire(now);
        self.tickets.forget(task);
        self.kick(false, now)
    }

    fn ticket_end(&self, now: u64) -> u64 {
        now.saturating_add(self.policy.ticket_ns)
    }

    /// Why nobody gets in any more.
    pub(super) fn fault(&self) -> Option<Fault> {
        match self.lost {
            Some(errno) => Some(Fault::Lost(errno)),
            None => self.closing.then_some(Fault::Shutdown),
        }
    }

    pub(super) fn shut(&self) -> bool {
        self.closing || self.lost.is_some()
    }

    /// The level new holders can count on: the lower one while it is on its way down.
    fn usable(&self) -> Level {
        match self.state {
            State::Flushing { down } | State::Downconverting { down } => down.to(),
            _ => self.level(),
        }
    }

    /// Another node's turn has come, and a holder of `mode` would be in its way.
    fn blocked(&self, mode: Mode, now: u64) -> bool {
        match self.target() {
            Some(down) => !down.to().covers(mode) && now >= self.slice_end(),
            None => false,
        }
    }

    /// The way down that would satisfy whoever asks.
    pub(super) fn target(&self) -> Option<Down> {
        Down::between(self.level(), self.asked?.leaves())
    }

    /// Until when the level is kept though another node asks. A slice is for those who can use
    /// it: if a writer here can't get in before the lock has been around, it is over.
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

    /// Makes a task a holder if nobody and nothing is in the way, or if it left a ticket.
    fn let_in(&mut self, mode: Mode, task: Task, now: u64) -> Option<Outcome> {
        if !self.usable().covers(mode) || self.fresh == Fresh::Refreshing {
            return None;
        }
        let blocked = self.blocked(mode, now);
        let ticket = self.tickets.take(task, mode, now);
        if blocked && ticket == Ticket::None {
            return None;
        }
        // Half of an EX ticket keeps EX until the other half is back: a hold that counted as PR
        // would let the worker go down to PR under it.
        let half = ticket == Ticket::Half && self.usable().covers(Mode::Ex);
        let mode = if half { Mode::Ex } else { mode };
        if !self.holders.add(mode) {
            return Some(Outcome::Failed(Fault::Misuse));
        }
        // Whoever comes in on a ticket can't leave another: else there would be no end to it.
        let mut hold = self.hold(mode, task, !blocked);
        hold.rest = half;
        Some(Outcome::Granted(hold))
    }

    fn hold(&mut self, mode: Mode, task: Task, may_leave: bool) -> Hold {
        let refresh = self.fresh == Fresh::No;
        if refresh {
            self.fresh = Fresh::Refreshing;
        }
        Hold {
            mode,
            task,
            may_leave,
            refresh,
            rest: false,
        }
    }

    /// Makes everybody in line a holder who can be one.
    pub(super) fn hand_over(&mut self, now: u64) {
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
            let handed = self.handed.of(mode);
            *handed = handed.saturating_add(n);
            let batch = self.batch.of(mode);
            *batch = batch.wrapping_add(1);
        }
    }

    fn verdict_for(&self, waiter: &Waiter) -> Option<Refusal> {
        let verdict = self.verdict?;
        (waiter.request == Some(verdict.request)).then_some(verdict.refusal)
    }

    /// Takes a waiter out of the line, and what was meant for it.
    fn leave_line(&mut self, waiter: &Waiter) {
        self.waiting.sub(waiter.mode);
        self.forget_request(waiter);
    }

    /// Nobody is left to be told what became of this waiter's request. True if that was known
    /// already, and kept others from asking.
    fn forget_request(&mut self, waiter: &Waiter) -> bool {
        if self.verdict_for(waiter).is_some() {
            self.verdict = None;
            return true;
        }
        if waiter.request == Some(self.request) {
            self.requester = false;
        }
        false
    }

    /// Makes the request that this waiter needs, if it can be made now.
    fn ask(&mut self, waiter: &mut Waiter, now: u64) -> Option<DlmCall> {
        if self.in_call.is_some()
            || self.verdict.is_some()
            || self.ask_after.is_some_and(|at| now < at)
        {
            return None;
        }
        // One request for all who wait, but a NOQUEUE one is for its maker alone.
        let mode = match waiter.noqueue {
            false if self.waiting.ex > 0 => Mode::Ex,
            _ => waiter.mode,
        };
        let (level, convert, noqueue) = match self.state {
            State::Unlocked if self.crowded && !waiter.noqueue => (Level::Nl, false, false),
            State::Unlocked => (mode.level(), false, true),
            // While another node asks for what we have, asking for more would only deadlock.
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
        self.ask_after = None;
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

    /// The kick that the state calls for now: bring the worker in when it can do something, or
    /// sooner than it was told.
    pub(super) fn kick(&mut self, wake: bool, now: u64) -> Kick {
        let asleep = self.waiting.any() || self.handed.any() || self.shut();
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
    /// An answer that changed nothing for anybody else.
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
