// SPDX-License-Identifier: GPL-2.0-only
//! Tickets: the promise to a task that had to unlock its folio that its next try will succeed.
//!
//! They belong to tasks, so that a reader who comes by can't use up the ticket of one who waited
//! for it. There is no room for a list, so a task's number picks one of a few counters: two tasks
//! that share one can still take each other's, which costs one of them another round.
//!
//! A PR ticket is good for one try. An EX ticket is good for a PR try and then an EX one: a write
//! fault reads the folio before it is made writable, and would find it gone each time if the lock
//! could leave in between. While that read lasts its hold keeps the lock, so the time that is
//! left for the second try starts when it is over.

use super::mode::{Level, Mode};
use super::step::Task;

const SLOTS: usize = 8;

/// The tickets that are outstanding. All run out together, [`Policy::ticket_ns`] after the last
/// was left.
///
/// [`Policy::ticket_ns`]: super::step::Policy::ticket_ns
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tickets {
    pr: [u8; SLOTS],
    /// Good for PR, then EX.
    both: [u8; SLOTS],
    /// Good for EX only: what is left of one of those.
    ex: [u8; SLOTS],
    until: u64,
}

/// What a try had to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ticket {
    /// Nothing.
    None,
    /// One that is used up.
    Whole,
    /// The PR half of one; the other half is put back when the hold is released.
    Half,
}

fn slot(counts: &mut [u8; SLOTS], task: Task) -> Option<&mut u8> {
    counts.get_mut(task.0 as usize % SLOTS)
}

fn put_one(counts: &mut [u8; SLOTS], task: Task) {
    if let Some(n) = slot(counts, task) {
        // At the limit one ticket stands for several: the task may have to wait once more.
        *n = n.saturating_add(1);
    }
}

fn take_one(counts: &mut [u8; SLOTS], task: Task) -> bool {
    match slot(counts, task) {
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
            pr: [0; SLOTS],
            both: [0; SLOTS],
            ex: [0; SLOTS],
            until: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Tickets::new();
    }

    /// Leaves one that is good until `until`.
    pub(super) fn leave(&mut self, task: Task, mode: Mode, until: u64) {
        let counts = match mode {
            Mode::Pr => &mut self.pr,
            Mode::Ex => &mut self.both,
        };
        put_one(counts, task);
        self.until = self.until.max(until);
    }

    /// Puts back the second half of one whose first half was used.
    pub(super) fn leave_rest(&mut self, task: Task, until: u64) {
        put_one(&mut self.ex, task);
        self.until = self.until.max(until);
    }

    /// Uses up one of this task that covers `mode`, the weaker first.
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

    /// This task is past needing the one it left.
    pub(super) fn forget(&mut self, task: Task) {
        let _ = take_one(&mut self.pr, task)
            || take_one(&mut self.both, task)
            || take_one(&mut self.ex, task);
    }

    /// Until when a downconvert to `to` must wait; `None` if nothing is in its way.
    pub(super) fn hold_up(&self, to: Level, now: u64) -> Option<u64> {
        let any = |counts: &[u8; SLOTS]| counts.iter().any(|n| *n > 0);
        let blocked = any(&self.ex) || any(&self.both) || (to == Level::Nl && any(&self.pr));
        (blocked && now < self.until).then_some(self.until)
    }

    /// Voids them all if their time is over.
    pub(super) fn expire(&mut self, now: u64) {
        if now >= self.until {
            self.clear();
        }
    }

    /// The same with the time that is left, and with no trace of what is over.
    pub(super) fn seen_from(mut self, now: u64) -> Tickets {
        self.expire(now);
        self.until = if self.count() > 0 {
            self.until.saturating_sub(now)
        } else {
            0
        };
        self
    }

    /// How many are out, live or not.
    pub(super) fn count(&self) -> u32 {
        let all = self.pr.iter().chain(&self.both).chain(&self.ex);
        all.map(|n| u32::from(*n)).sum()
    }
}
