// SPDX-License-Identifier: GPL-2.0-only
//! The states, and the small things a machine counts and remembers.

use super::mode::{Down, Level, Mode, Up};
use super::step::Refusal;

/// Where the lock stands with the DLM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The DLM doesn't know this lock yet.
    Unlocked,
    /// A new lock was asked for.
    Acquiring {
        /// NL after a `probe` was refused; a conversion follows then.
        want: Level,
        /// With NOQUEUE though its maker would wait. The DLM serves conversions before new locks,
        /// so a new lock that has to wait can be passed by two other nodes for ever.
        probe: bool,
    },
    /// The DLM has granted `level`, and nothing is under way.
    Held {
        /// May be NL.
        level: Level,
    },
    /// More was asked for.
    Upconverting {
        /// Which conversion.
        up: Up,
    },
    /// More was asked for, then the cancel; either may win.
    Cancelling {
        /// The conversion that is cancelled.
        up: Up,
    },
    /// The worker writes back and forgets what the new level won't cover.
    Flushing {
        /// The conversion that follows.
        down: Down,
    },
    /// Less was asked for.
    Downconverting {
        /// Which conversion.
        down: Down,
    },
    /// The lock is being dropped.
    Unlocking {
        /// What it was at.
        level: Level,
    },
    /// The DLM has forgotten it, or the cluster is lost. Final.
    Gone,
}

/// Whether what the lock protects may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fresh {
    Yes,
    No,
    /// A holder is at it.
    Refreshing,
}

/// A call that a task is inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Lock,
    Cancel,
    Unlock,
}

/// A count for each mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Counts {
    pub(super) pr: u32,
    pub(super) ex: u32,
}

impl Counts {
    pub(super) fn of(&mut self, mode: Mode) -> &mut u32 {
        match mode {
            Mode::Pr => &mut self.pr,
            Mode::Ex => &mut self.ex,
        }
    }

    /// One more; false (and unchanged) if that doesn't fit.
    pub(super) fn add(&mut self, mode: Mode) -> bool {
        let n = self.of(mode);
        match n.checked_add(1) {
            Some(more) => *n = more,
            None => return false,
        }
        true
    }

    /// One less; false (and unchanged) if there was none.
    pub(super) fn sub(&mut self, mode: Mode) -> bool {
        let n = self.of(mode);
        match n.checked_sub(1) {
            Some(less) => *n = less,
            None => return false,
        }
        true
    }

    pub(super) fn any(&self) -> bool {
        self.pr > 0 || self.ex > 0
    }

    /// How many stand in the way of a level of `to`.
    pub(super) fn above(&self, to: Level) -> bool {
        match to {
            Level::Nl => self.any(),
            Level::Pr => self.ex > 0,
            Level::Ex => false,
        }
    }
}

/// A refusal that its waiter hasn't collected yet. Nobody asks the DLM before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Verdict {
    pub(super) request: u32,
    pub(super) refusal: Refusal,
}
