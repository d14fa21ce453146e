// SPDX-License-Identifier: GPL-2.0-only
//! Events out of bytes, likely ones often.

use crate::lockres::{
    Answer, Event, Flushed, How, Kind, Machine, Membership, Mode, Policy, Refusal, Task,
};

/// A machine of some kind and policy.
pub fn machine(byte: u8) -> Machine {
    let kind = Kind {
        lvb: byte & 1 != 0,
        refresh: byte & 2 != 0,
    };
    let (slice_ns, idle_ns) = match byte >> 2 & 3 {
        0 => (0, 0),
        1 => (100, 10),
        2 => (100, u64::MAX),
        _ => (u64::MAX, u64::MAX),
    };
    let ticket_ns = match byte >> 4 & 3 {
        0 => 0,
        1 => u64::MAX,
        _ => 20,
    };
    Machine::new(
        kind,
        Policy {
            slice_ns,
            idle_ns,
            ticket_ns,
        },
    )
}

/// How much time passes.
pub fn time(byte: u8) -> u64 {
    match byte {
        0..=99 => 0,
        100..=249 => u64::from(byte - 99),
        250..=253 => 50_000_000,
        254 => 1 << 40,
        255 => u64::MAX / 3,
    }
}

fn answer(byte: u8) -> Answer {
    match byte % 16 {
        0 => Err(Refusal::Again),
        1 => Err(Refusal::Deadlock),
        2 => Err(Refusal::Busy),
        3 => Err(Refusal::Other(-5)),
        _ => Ok(()),
    }
}

/// An event.
pub fn event(what: u8, arg: u8) -> Event {
    let task = Task(u32::from(arg % 10));
    let mode = if arg & 0x40 == 0 { Mode::Pr } else { Mode::Ex };
    let members = match what / 32 {
        5 => Membership::Suspect,
        6 => Membership::Unrecovered,
        7 => Membership::Lost,
        _ => Membership::Complete,
    };
    match what % 32 {
        0..=2 => Event::Acquire(mode, How::Wait, task, members),
        3..=4 => Event::Acquire(mode, How::Try, task, members),
        5 => Event::Acquire(mode, How::NoQueue, task, members),
        6..=8 => Event::Poll(task, members),
        9 => Event::Abandon(task),
        10..=11 => Event::Refreshed(task, mode, arg & 0x20 == 0),
        12..=13 => Event::Release(task, mode),
        14..=15 => Event::LeaveTicket(task, mode),
        16 => Event::ReturnTicket(task),
        17..=19 => Event::Returned(answer(arg)),
        20..=22 => Event::Ast(answer(arg)),
        23..=24 => Event::Bast(mode),
        25 => Event::UnlockAst(answer(arg)),
        26..=28 => Event::Work(members),
        29 => Event::Flushed(match arg % 8 {
            0 => Flushed::Failed,
            1 => Flushed::NotYet(u64::from(arg)),
            2 => Flushed::NotYet(u64::MAX),
            _ => Flushed::Done,
        }),
        30 if arg > 0xf0 => Event::Shutdown,
        30 => Event::Ast(Ok(())),
        _ => Event::Returned(Ok(())),
    }
}

/// The same event, decided with `members`.
pub fn with_members(event: Event, members: Membership) -> Event {
    match event {
        Event::Acquire(mode, how, task, _) => Event::Acquire(mode, how, task, members),
        Event::Poll(task, _) => Event::Poll(task, members),
        Event::Work(_) => Event::Work(members),
        other => other,
    }
}
