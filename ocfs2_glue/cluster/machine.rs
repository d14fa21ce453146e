// SPDX-License-Identifier: GPL-2.0-only
//! The state machine of one lock, behind its spinlock, with a clock and the cluster's membership.
//!
//! The kernel reaches a [`Machine`] only through this file, so a recording has all its decisions:
//! the tracepoint `lock_event` gets each call, with the time, the membership and the answer, before
//! the spinlock is dropped, and so in the right order. `replay` (`selftests/host/lockres`) repeats
//! them. While the tracepoint is off that costs one branch.

use super::members::Members;
use crate::{
    lockres::{
        Answer, Event, Flushed, Hold, How, Kick, Kind, Machine, Membership, Mode, Outcome, Policy,
        Recorded, Step, Task, Unexpected, Waiter, Work,
    },
    ondisk::dlm::lock_name::LockName,
    vfs::trace,
};
use core::cell::Cell;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        SpinLock,
    },
    time::{ClockSource, Monotonic},
};

/// One lock resource's machine. Each method calls the machine's method of that name, for the
/// current task if it takes one; see [`crate::lockres`] for who may call it.
#[pin_data]
pub(crate) struct LockedMachine {
    #[pin]
    machine: SpinLock<Machine>,
    /// Whether there may be tickets. Saves [`LockedMachine::return_ticket`] the spinlock if there
    /// are none. Changed under the spinlock.
    tickets: Atomic<bool>,
    name: LockName,
    dev: u32,
}

impl LockedMachine {
    /// A lock that wasn't requested from the DLM yet. `dev` is the volume's, for recordings.
    pub(crate) fn new(kind: Kind, policy: Policy, name: LockName, dev: u32) -> impl PinInit<Self> {
        pin_init!(Self {
            machine <- new_spinlock!(Machine::new(kind, policy), "ocfs2_glue_lockres"),
            tickets: Atomic::new(false),
            name,
            dev,
        })
        .pin_chain(move |this| {
            let this = this.into_ref().get_ref();
            let _ = this.step(Event::New(kind, policy), |_, _| Kick::default());
            Ok(())
        })
    }

    /// The lock's name at the DLM.
    pub(crate) fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    fn step<T: Recorded>(&self, event: Event, call: impl FnOnce(&mut Machine, u64) -> T) -> T {
        self.run(|| event, call)
    }

    /// A decision that depends on the membership, which is read under the spinlock.
    fn decide<T: Recorded>(
        &self,
        members: &Members,
        event: impl FnOnce(Membership) -> Event,
        call: impl FnOnce(&mut Machine, Membership, u64) -> T,
    ) -> T {
        let seen = Cell::new(Membership::Complete);
        self.run(
            || {
                seen.set(members.membership());
                event(seen.get())
            },
            |m, now| call(m, seen.get(), now),
        )
    }

    fn run<T: Recorded>(
        &self,
        event: impl FnOnce() -> Event,
        call: impl FnOnce(&mut Machine, u64) -> T,
    ) -> T {
        let mut machine = self.machine.lock();
        let event = event();
        let now = now_ns();
        let answer = call(&mut machine, now);
        if trace::records_lock_events() {
            let (code, arg) = event.code();
            trace::lock_event(self.dev, self.name(), code, [arg, now], answer.outcome());
        }
        answer
    }

    pub(crate) fn acquire(&self, mode: Mode, how: How, members: &Members) -> Step<Outcome> {
        let task = task();
        self.decide(
            members,
            |seen| Event::Acquire(mode, how, task, seen),
            |m, seen, now| m.acquire(mode, how, task, seen, now),
        )
    }

    /// Not recorded, as it changes nothing. `Some`: the generation for which the answer holds.
    pub(crate) fn would_grant(&self, mode: Mode, members: &Members) -> Option<u64> {
        let machine = self.machine.lock();
        let now = match machine.is_blocking() {
            true => now_ns(),
            false => 0,
        };
        let granted = machine.would_grant(mode, task(), members.membership(), now);
        granted.then(|| machine.generation())
    }

    pub(crate) fn poll(&self, waiter: Waiter, members: &Members) -> Step<Outcome> {
        let task = waiter.task();
        self.decide(
            members,
            |seen| Event::Poll(task, seen),
            |m, seen, now| m.poll(waiter, seen, now),
        )
    }

    pub(crate) fn abandon(&self, waiter: Waiter) -> Kick {
        self.step(Event::Abandon(waiter.task()), |m, now| {
            m.abandon(waiter, now)
        })
    }

    pub(crate) fn refreshed(&self, hold: &mut Hold, ok: bool) -> Result<Kick, Unexpected> {
        let event = Event::Refreshed(hold.task(), hold.mode(), ok);
        self.step(event, |m, now| m.refreshed(hold, ok, now))
    }

    pub(crate) fn release(&self, hold: Hold) -> Result<Kick, Unexpected> {
        let event = Event::Release(hold.task(), hold.mode());
        self.step(event, |m, now| m.release(hold, now))
    }

    pub(crate) fn leave_ticket(&self, hold: Hold) -> Result<Kick, Unexpected> {
        let event = Event::LeaveTicket(hold.task(), hold.mode());
        self.step(event, |m, now| {
            self.tickets.store(true, Relaxed);
            m.leave_ticket(hold, now)
        })
    }

    /// Takes the spinlock only if a ticket was left since there were none. A task sees its own
    /// store to `tickets`, and needs to see no other.
    pub(crate) fn return_ticket(&self) -> Kick {
        if !self.tickets.load(Relaxed) {
            return Kick::default();
        }
        let task = task();
        self.step(Event::ReturnTicket(task), |m, now| {
            let kick = m.return_ticket(task, now);
            self.tickets.store(m.tickets(now) > 0, Relaxed);
            kick
        })
    }

    pub(crate) fn returned(&self, answer: Answer) -> Result<Kick, Unexpected> {
        self.step(Event::Returned(answer), |m, now| m.returned(answer, now))
    }

    pub(crate) fn ast(&self, answer: Answer) -> Result<Kick, Unexpected> {
        self.step(Event::Ast(answer), |m, now| m.ast(answer, now))
    }

    pub(crate) fn bast(&self, mode: Mode) -> Kick {
        self.step(Event::Bast(mode), |m, now| m.bast(mode, now))
    }

    pub(crate) fn unlock_ast(&self, answer: Answer) -> Result<Kick, Unexpected> {
        self.step(Event::UnlockAst(answer), |m, now| m.unlock_ast(answer, now))
    }

    pub(crate) fn work(&self, members: &Members) -> Step<Work> {
        self.decide(members, Event::Work, |m, seen, now| m.work(seen, now))
    }

    pub(crate) fn flushed(&self, how: Flushed) -> Result<Step<()>, Unexpected> {
        self.step(Event::Flushed(how), |m, now| m.flushed(how, now))
    }

    pub(crate) fn shutdown(&self) -> Step<bool> {
        self.step(Event::Shutdown, |m, now| m.shutdown(now))
    }

    pub(crate) fn generation(&self) -> u64 {
        self.machine.lock().generation()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.machine.lock().is_gone()
    }

    /// Runs `f` under the spinlock if the lock isn't gone yet; not after [`is_gone`] was true.
    ///
    /// [`is_gone`]: Self::is_gone
    pub(crate) fn unless_gone(&self, f: impl FnOnce()) {
        let machine = self.machine.lock();
        if !machine.is_gone() {
            f();
        }
    }
}

/// The current task, as the machine counts tasks: the same over a retry.
fn task() -> Task {
    Task(current!().pid() as u32)
}

/// The machine's clock: monotonic time in nanoseconds.
fn now_ns() -> u64 {
    Monotonic::ktime_get() as u64
}
