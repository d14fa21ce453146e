// SPDX-License-Identifier: GPL-2.0-only
//! What the rest of the kernel hears of a structure that breaks the format's rules.

use crate::{
    ondisk::base::{error::Corrupt, features::Features},
    vfs::fs::time::monotonic_ns,
};
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// When the last lines were printed, in units of [`WINDOW_NS`], and how many of them.
static WINDOW: Atomic<u64> = Atomic::new(0);
const WINDOW_NS: u64 = 5_000_000_000;
const LINES: u64 = 50;

/// At most fifty lines in five seconds: whoever made the volume decides how many there could be.
fn may_print() -> bool {
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

impl From<Corrupt> for Error {
    /// One line for the log, which names block and field, and `EUCLEAN`.
    fn from(c: Corrupt) -> Self {
        if may_print() {
            pr_err!("block {}: bad {}; run fsck.ocfs2\n", c.blkno, c.field);
        }
        EUCLEAN
    }
}

impl kernel::fmt::Display for Features {
    fn fmt(&self, f: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}
