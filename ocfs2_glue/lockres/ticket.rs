// SPDX-License-Identifier: GPL-2.0-only
//! Tickets: a task that had to unlock its folio and wait is promised that its next try succeeds.
//!
//! A ticket belongs to a task, so that another task can't use it up. There is no room for a list:
//! a task's number selects one of a few counters. Two tasks that share a counter can use each
//! other's ticket, which costs one of them another retry.
//!
//! A PR ticket admits one try. An EX ticket admits a PR try and then an EX try: a write fault reads
//! the folio before it is made writable, and would find the folio gone every time if the lock could
//! go in between. The hold of the first try keeps the lock, so the time for the second try begins
//! when that hold is released.

use super::mode::{Level, Mode};
use super::step::Task;

const COUNTERS: usize = 8;

/// The outstanding tickets. All expire together, [`Policy::ticket_ns`] after the last was left.
///
/// [`Policy::ticket_ns`]: super::step::Policy::ticket_ns
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tickets {
    pr: [u8; COUNTERS],
    /// For PR, then EX.
    both: [u8; COUNTERS],
    /// The second halves of those: for EX only.
    ex: [u8; COUNTERS],
    until: u64,
}

/// The ticket that a request used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ticket {
    /// There was none.
    None,
    /// One, which is used up.
    Whole,
    /// The PR half of an EX ticket. The other half is put back when the hold is released.
    Half,
}

fn counter(counts: &mut [u8; COUNTERS], task: Task) -> Option<&mut u8> {
    counts.get_mut(task.0 as usize % COUNTERS)
}

fn put_one(counts: &mut [u8; COUNTERS], task: Task) {
    if let Some(n) = counter(counts, task) {
        // At the limit one ticket counts for several: a task may have to wait once more.
        *n = n.saturating_add(1);
    }
}

fn take_one(counts: &mut [u8; COUNTERS], task: Task) -> bool {
    match counter(counts, task) {
        Some(n) if *n > 0 => {
            *n -= 1;
            true
        }
        _ => false,
    }
}

impl Tickets {
    pub(super) const fn new() -> Self {
        Tickets {
            pr: [0; COUNTERS],
            both: [0; COUNTERS],
            ex: [0; COUNTERS],
            until: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Tickets::new();
    }

    /// Adds one that expires at `until`.
    pub(super) fn leave(&mut self, task: Task, mode: Mode, until: u64) {
        let counts = match mode {
            Mode::Pr => &mut self.pr,
            Mode::Ex => &mut self.both,
        };
        put_one(counts, task);
        self.until = self.until.max(until);
    }

    /// Puts back the second half of an EX ticket whose first half was used.
    pub(super) fn put_back_half(&mut self, task: Task, until: u64) {
        put_one(&mut self.ex, task);
        self.until = self.until.max(until);
    }

    /// Uses up a ticket of this task that admits `mode`, the weakest first.
    pub(super) fn take(&mut self, task: Task, mode: Mode, now: u64) -> Ticket {
        self.expire(now);
        let (first, all_of_it) = match mode {
            Mode::Pr => (&mut self.pr, Ticket::Half),
            Mode::Ex => (&mut self.ex, Ticket::Whole),
        };
        if take_one(first, task) {
            Ticket::Whole
        } else if take_one(&mut self.both, task) {
            all_of_it
        } else {
            Ticket::None
        }
    }

    /// Drops one ticket of this task.
    pub(super) fn forget(&mut self, task: Task) {
        let _ = take_one(&mut self.pr, task)
            || take_one(&mut self.both, task)
            || take_one(&mut self.ex, task);
    }

    /// Until when tickets delay a downconvert to `to`; `None` if none does.
    pub(super) fn blocked_until(&self, to: Level, now: u64) -> Option<u64> {
        let any = |counts: &[u8; COUNTERS]| counts.iter().any(|n| *n > 0);
        let blocked = any(&self.ex) || any(&self.both) || (to == Level::Nl && any(&self.pr));
        (blocked && now < self.until).then_some(self.until)
    }

    /// Drops all tickets if they have expired.
    pub(super) fn expire(&mut self, now: u64) {
        if now >= self.until {
            self.clear();
        }
    }

    /// The same with the remaining time in place of the end, and without expired tickets.
    pub(super) fn seen_from(mut self, now: u64) -> Tickets {
        self.expire(now);
        self.until = if self.count() > 0 {
            self.until.saturating_sub(now)
        } else {
            0
        };
        self
    }

    /// The number of tickets, expired or not.
    pub(super) fn count(&self) -> u32 {
        let all = self.pr.iter().chain(&self.both).chain(&self.ex);
        all.map(|n| u32::from(*n)).sum()
    }
}
