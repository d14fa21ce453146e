// SPDX-License-Identifier: GPL-2.0-only
//! Tickets: the promise to a task that had to unlock its folio that its next try will succeed.
//!
//! They belong to tasks, so that a reader who comes by can't use up the ticket of one who waited
//! for it. There is no room for a list, so a task's number picks one of a few counters: two tasks
//! that share one can still take each other's, which costs one of them another round.

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
    ex: [u8; SLOTS],
    until: u64,
}

fn slot(counts: &mut [u8; SLOTS], task: Task) -> Option<&mut u8> {
    counts.get_mut(task.0 as usize % SLOTS)
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
            Mode::Ex => &mut self.ex,
        };
        if let Some(n) = slot(counts, task) {
            // At the limit one ticket stands for several: the task may have to wait once more.
            *n = n.saturating_add(1);
            self.until = self.until.max(until);
        }
    }

    /// Uses up one of this task that covers `mode`, the weaker first.
    pub(super) fn take(&mut self, task: Task, mode: Mode, now: u64) -> bool {
        self.expire(now);
        (mode == Mode::Pr && take_one(&mut self.pr, task)) || take_one(&mut self.ex, task)
    }

    /// This task comes back by waiting, so it is past needing the one it left.
    pub(super) fn forget(&mut self, task: Task) {
        if !take_one(&mut self.pr, task) {
            take_one(&mut self.ex, task);
        }
    }

    /// Until when a downconvert to `to` must wait; `None` if nothing is in its way.
    pub(super) fn hold_up(&self, to: Level, now: u64) -> Option<u64> {
        let any = |counts: &[u8; SLOTS]| counts.iter().any(|n| *n > 0);
        let blocked = any(&self.ex) || (to == Level::Nl && any(&self.pr));
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
        self.pr.iter().chain(&self.ex).map(|n| u32::from(*n)).sum()
    }
}
