// SPDX-License-Identifier: GPL-2.0-only
//! Who has a folio locked is the task that the VFS called.

use crate::vfs::fs::folio::LockedFolio;

/// As a work item, or a thread's closure.
fn elsewhere<T: Send>(_: T) {}

fn read_folio(folio: LockedFolio) {
    #[cfg(not(right))]
    elsewhere(folio); //~ E0277 cannot be sent between threads safely
    #[cfg(right)]
    elsewhere(folio.pos());
}
