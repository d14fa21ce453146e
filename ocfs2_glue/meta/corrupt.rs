// SPDX-License-Identifier: GPL-2.0-only
//! Structures that break the format's rules: one line in the log, and the errno for user space.

use crate::{
    ondisk::base::{error::Corrupt, features::Features},
    vfs::fs::{super_block::Device, time::monotonic_ns},
};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// When the last lines were printed, in units of [`WINDOW_NS`], and how many of them.
static WINDOW: Atomic<u64> = Atomic::new(0);
const WINDOW_NS: u64 = 5_000_000_000;
const LINES: u64 = 50;

/// Whether one more line about a volume may be printed: fifty in five seconds, as who made the volume
/// decides how many there could be.
pub(crate) fn may_print() -> bool {
    let (next, may) = count_line(WINDOW.load(Relaxed), monotonic_ns() / WINDOW_NS);
    // A lost race prints a line more.
    WINDOW.store(next, Relaxed);
    may
}

/// What [`WINDOW`] is after one more line in `window`, and whether that line may be printed.
pub(crate) fn count_line(last: u64, window: u64) -> (u64, bool) {
    let lines = if last >> 8 == window { last & 0xff } else { 0 };
    (window << 8 | (lines + 1).min(0xff), lines < LINES)
}

/// Why something could not be read or changed: the volume breaks the format's rules, or an errno.
///
/// Made from either without a side effect; [`Report::on`] writes the line.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What is wrong on the disk.
    Corrupt(Corrupt),
    /// Anything else.
    Errno(Error),
}

impl From<Corrupt> for Failure {
    fn from(c: Corrupt) -> Self {
        Self::Corrupt(c)
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Errno(e)
    }
}

impl From<AllocError> for Failure {
    fn from(e: AllocError) -> Self {
        Self::Errno(e.into())
    }
}

impl Failure {
    /// The errno. A corrupt block is `EUCLEAN`, after one line in the log that names the device,
    /// the block and the field.
    pub(crate) fn report(self, dev: &(impl Device + ?Sized)) -> Error {
        match self {
            Self::Errno(e) => e,
            Self::Corrupt(c) => {
                if may_print() {
                    pr_err!(
                        "{}: block {}: bad {}; run fsck.ocfs2\n",
                        dev.id(),
                        c.blkno,
                        c.field
                    );
                }
                EUCLEAN
            }
        }
    }
}

/// Results that may say what is wrong on a device.
pub(crate) trait Report<T> {
    /// Replaces what is wrong by an errno; see [`Failure::report`].
    fn on(self, dev: &(impl Device + ?Sized)) -> Result<T>;
}

impl<T, E: Into<Failure>> Report<T> for Result<T, E> {
    fn on(self, dev: &(impl Device + ?Sized)) -> Result<T> {
        self.map_err(|e| e.into().report(dev))
    }
}

impl kernel::fmt::Display for Features {
    fn fmt(&self, f: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}
