// SPDX-License-Identifier: GPL-2.0-only
//! Events and their outcomes as numbers. The kernel's tracepoint records them, so that the
//! decisions of real nodes can be replayed on the host.
//!
//! The tracepoint fires with the lock resource's spinlock held, so that the order is right.
//! [`Event::code`] gives its `event` and `arg0`, `now` is its `arg1`, and [`Recorded::outcome`] its
//! `outcome`. The [`Membership`] that a decision depends on is part of the event; `Complete` is 0.
//! A recording begins with [`Event::New`]. An event names a task in place of its [`Hold`] or
//! [`Waiter`]: a task waits once at a time for a lock, and it releases a hold of the mode that the
//! event names.
//!
//! [`Hold`]: super::Hold
//! [`Waiter`]: super::Waiter

use super::membership::Membership;
use super::mode::{Level, Mode};
use super::step::{
    Answer, DlmCall, Flushed, How, Kick, Kind, LockError, Lvb, Outcome, Policy, Refusal, Step,
    Task, Unexpected, Work,
};

/// A call of one of the machine's methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// `new`; times are recorded in whole microseconds, up to a second.
    New(Kind, Policy),
    /// `acquire`.
    Acquire(Mode, How, Task, Membership),
    /// `poll`.
    Poll(Task, Membership),
    /// `abandon`.
    Abandon(Task),
    /// `refreshed`.
    Refreshed(Task, Mode, bool),
    /// `release`.
    Release(Task, Mode),
    /// `leave_ticket`.
    LeaveTicket(Task, Mode),
    /// `return_ticket`.
    ReturnTicket(Task),
    /// `returned`.
    Returned(Answer),
    /// `ast`.
    Ast(Answer),
    /// `bast`.
    Bast(Mode),
    /// `unlock_ast`.
    UnlockAst(Answer),
    /// `work`.
    Work(Membership),
    /// `flushed`.
    Flushed(Flushed),
    /// `shutdown`.
    Shutdown,
}

/// Bits of a time in microseconds; all ones stands for any longer time.
const TIME_BITS: u32 = 20;
const TIME_MAX: u64 = (1 << TIME_BITS) - 1;

fn time(ns: u64) -> u64 {
    (ns / 1000).min(TIME_MAX)
}

fn untime(bits: u64) -> u64 {
    match bits & TIME_MAX {
        TIME_MAX => u64::MAX,
        us => us * 1000,
    }
}

fn tasked(task: Task, mode: Mode, rest: u64) -> u64 {
    u64::from(task.0) | u64::from(mode == Mode::Ex) << 32 | rest << 33
}

fn member_bits(members: Membership) -> u64 {
    u64::from(members.code())
}

fn answer(answer: Answer) -> u64 {
    match answer {
        Ok(()) => 0,
        Err(Refusal::Again) => 1,
        Err(Refusal::Deadlock) => 2,
        Err(Refusal::Busy) => 3,
        Err(Refusal::Other(errno)) => 4 | u64::from(errno as u32) << 32,
    }
}

fn unanswer(arg: u64) -> Option<Answer> {
    Some(match arg & 0xffff_ffff {
        0 => Ok(()),
        1 => Err(Refusal::Again),
        2 => Err(Refusal::Deadlock),
        3 => Err(Refusal::Busy),
        4 => Err(Refusal::Other((arg >> 32) as i32)),
        _ => return None,
    })
}

impl Event {
    /// Its number, and its arguments in one.
    pub fn code(self) -> (u32, u64) {
        match self {
            Event::New(kind, policy) => {
                let kind = u64::from(kind.lvb) | u64::from(kind.refresh) << 1;
                let times = time(policy.slice_ns)
                    | time(policy.idle_ns) << TIME_BITS
                    | time(policy.ticket_ns) << (2 * TIME_BITS);
                (0, kind | times << 2)
            }
            Event::Acquire(mode, how, task, members) => {
                let how = match how {
                    How::Try => 0,
                    How::Wait => 1,
                    How::NoQueue => 2,
                };
                (1, tasked(task, mode, how | member_bits(members) << 2))
            }
            Event::Poll(task, members) => (2, u64::from(task.0) | member_bits(members) << 32),
            Event::Abandon(task) => (3, u64::from(task.0)),
            Event::Refreshed(task, mode, ok) => (4, tasked(task, mode, u64::from(ok))),
            Event::Release(task, mode) => (5, tasked(task, mode, 0)),
            Event::LeaveTicket(task, mode) => (6, tasked(task, mode, 0)),
            Event::ReturnTicket(task) => (7, u64::from(task.0)),
            Event::Returned(a) => (8, answer(a)),
            Event::Ast(a) => (9, answer(a)),
            Event::Bast(mode) => (10, u64::from(mode == Mode::Ex)),
            Event::UnlockAst(a) => (11, answer(a)),
            Event::Work(members) => (12, member_bits(members)),
            Event::Flushed(Flushed::Done) => (13, 0),
            Event::Flushed(Flushed::Failed) => (13, 1),
            Event::Flushed(Flushed::NotYet(delay)) => (13, 2 | delay.min(u64::MAX >> 8) << 8),
            Event::Shutdown => (14, 0),
        }
    }

    /// The event with this code; `None` if there is none.
    pub fn from_code(event: u32, arg: u64) -> Option<Event> {
        let task = Task(arg as u32);
        let mode = match arg >> 32 & 1 {
            0 => Mode::Pr,
            _ => Mode::Ex,
        };
        let rest = arg >> 33;
        Some(match event {
            0 => {
                let kind = Kind {
                    lvb: arg & 1 != 0,
                    refresh: arg & 2 != 0,
                };
                let policy = Policy {
                    slice_ns: untime(arg >> 2),
                    idle_ns: untime(arg >> (2 + TIME_BITS)),
                    ticket_ns: untime(arg >> (2 + 2 * TIME_BITS)),
                };
                Event::New(kind, policy)
            }
            1 => Event::Acquire(
                mode,
                match rest & 3 {
                    0 => How::Try,
                    1 => How::Wait,
                    2 => How::NoQueue,
                    _ => return None,
                },
                task,
                Membership::from_code((rest >> 2) as u32),
            ),
            2 => Event::Poll(task, Membership::from_code((arg >> 32) as u32)),
            3 => Event::Abandon(task),
            4 => Event::Refreshed(task, mode, rest != 0),
            5 => Event::Release(task, mode),
            6 => Event::LeaveTicket(task, mode),
            7 => Event::ReturnTicket(task),
            8 => Event::Returned(unanswer(arg)?),
            9 => Event::Ast(unanswer(arg)?),
            10 if arg == 0 => Event::Bast(Mode::Pr),
            10 => Event::Bast(Mode::Ex),
            11 => Event::UnlockAst(unanswer(arg)?),
            12 => Event::Work(Membership::from_code(arg as u32)),
            13 => Event::Flushed(match arg & 0xff {
                0 => Flushed::Done,
                1 => Flushed::Failed,
                2 => Flushed::NotYet(arg >> 8),
                _ => return None,
            }),
            14 => Event::Shutdown,
            _ => return None,
        })
    }
}

/// What a method returned, as a number: its value in bits 0 to 3, wake in bit 4, whether the
/// worker must run in bit 5, the call in bits 8 to 15, the worker's delay (ns) from bit 16 on.
pub trait Recorded {
    /// The number.
    fn outcome(&self) -> u64;
}

impl Recorded for Kick {
    fn outcome(&self) -> u64 {
        let work = match self.work {
            None => 0,
            Some(delay) => 1 << 5 | delay.min(u64::MAX >> 16) << 16,
        };
        u64::from(self.wake) << 4 | work
    }
}

impl<T: Recorded> Recorded for Result<T, Unexpected> {
    fn outcome(&self) -> u64 {
        match self {
            Ok(value) => value.outcome(),
            Err(_) => 15,
        }
    }
}

/// The values of [`Step`]s, in four bits.
trait Value {
    fn bits(&self) -> u64;
}

impl Value for () {
    fn bits(&self) -> u64 {
        0
    }
}

impl Value for bool {
    fn bits(&self) -> u64 {
        if *self {
            8
        } else {
            0
        }
    }
}

impl Value for Work {
    fn bits(&self) -> u64 {
        match self {
            Work::Nothing => 0,
            Work::Flush { to: Level::Nl, .. } => 6,
            Work::Flush { .. } => 7,
        }
    }
}

impl Value for Outcome {
    fn bits(&self) -> u64 {
        match self {
            Outcome::Granted(hold) if hold.must_refresh() => 2,
            Outcome::Granted(_) => 1,
            Outcome::WouldBlock => 3,
            Outcome::Wait(_) => 4,
            Outcome::Failed(LockError::Unrecovered) => 9,
            Outcome::Failed(LockError::Lost) => 10,
            Outcome::Failed(_) => 5,
        }
    }
}

fn call_bits(call: DlmCall) -> u64 {
    let lvb = |lvb: Lvb| match lvb {
        Lvb::Unused => 0,
        Lvb::Leave => 1,
        Lvb::Fill => 2,
        Lvb::Invalidate => 3,
    };
    match call {
        DlmCall::Lock {
            level,
            convert,
            noqueue,
            lvb: block,
        } => {
            let level = match level {
                Level::Nl => 0,
                Level::Pr => 1,
                Level::Ex => 2,
            };
            let flags = u64::from(convert) << 4 | u64::from(noqueue) << 5;
            1 | level << 2 | flags | lvb(block) << 6
        }
        DlmCall::Cancel => 2,
        DlmCall::Unlock { lvb: block } => 3 | lvb(block) << 6,
    }
}

impl<T: Value> Recorded for Step<T> {
    fn outcome(&self) -> u64 {
        let call = self.call.map_or(0, call_bits);
        self.value.bits() | self.kick.outcome() | call << 8
    }
}
