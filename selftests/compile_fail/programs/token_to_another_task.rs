// SPDX-License-Identifier: GPL-2.0-only
//! A token says something about the task that has it, and stays there.

use crate::vfs::fs::folio::NoFolio;

/// As a work item, or a thread's closure.
fn elsewhere<T: Send>(_: T) {}

fn fsync(wait: &NoFolio, number: u64) {
    #[cfg(not(right))]
    elsewhere(wait); //~ E0277 cannot be shared between threads safely
    elsewhere(number);
}
