// SPDX-License-Identifier: GPL-2.0-only
//! The states, and what else a machine counts and remembers.

use super::mode::{Down, Level, Mode, Up};
use super::step::Refusal;

/// The state of the lock at the DLM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The DLM has no such lock of this node.
    Unlocked,
    /// A new lock was requested.
    Acquiring {
        /// NL after a `probe` was refused; a conversion follows then.
        want: Level,
        /// With NOQUEUE although the task would wait. The DLM serves conversions before new locks,
        /// so two other nodes could overtake a new lock that waits for ever.
        probe: bool,
    },
    /// The DLM has granted `level`, and no request is pending.
    Held {
        /// May be NL.
        level: Level,
    },
    /// A higher level was requested.
    Upconverting {
        /// Which conversion.
        up: Up,
    },
    /// A higher level was requested, then cancelled; either may win.
    Cancelling {
        /// The conversion that is being cancelled.
        up: Up,
    },
    /// The worker writes back, and drops what the new level won't cover.
    Flushing {
        /// The conversion that follows.
        down: Down,
    },
    /// A lower level was requested.
    Downconverting {
        /// Which conversion.
        down: Down,
    },
    /// The lock is being unlocked.
    Unlocking {
        /// The level it had.
        level: Level,
    },
    /// The lock was unlocked. Final.
    Gone,
}

/// Whether what the lock protects is up to date in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Refresh {
    Done,
    Needed,
    /// A holder refreshes it now.
    Running,
}

/// A call into the DLM that hasn't returned.
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

    /// Adds one; false, and unchanged, if that would overflow.
    pub(super) fn add(&mut self, mode: Mode) -> bool {
        let n = self.of(mode);
        match n.checked_add(1) {
            Some(more) => *n = more,
            None => return false,
        }
        true
    }

    /// Subtracts one; false, and unchanged, if there was none.
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

    /// Whether there are any that level `to` doesn't allow.
    pub(super) fn above(&self, to: Level) -> bool {
        match to {
            Level::Nl => self.any(),
            Level::Pr => self.ex > 0,
            Level::Ex => false,
        }
    }
}

/// A refusal that its waiter hasn't collected yet. No new request is made before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PendingRefusal {
    pub(super) request: u32,
    pub(super) refusal: Refusal,
}
