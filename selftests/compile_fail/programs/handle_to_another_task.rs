// SPDX-License-Identifier: GPL-2.0-only
//! A journal handle belongs to the task that began it.

use crate::vfs::jbd2::Handle;

/// As a work item, or a thread's closure.
fn elsewhere<T: Send>(_: T) {}

fn write_end(handle: Handle) {
    #[cfg(not(right))]
    elsewhere(handle); //~ E0277 cannot be sent between threads safely
    #[cfg(right)]
    elsewhere(handle.tid());
}
