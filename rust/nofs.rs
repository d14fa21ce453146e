// SPDX-License-Identifier: GPL-2.0-only
//! Allocations that don't call back into file systems.
//!
//! C header: [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)
//!
//! Not supported: the other `memalloc_*` scopes.

use kernel::{bindings, prelude::*, types::NotThreadSafe};

/// While it exists, all allocations of this task are `GFP_NOFS` allocations; C:
/// `memalloc_nofs_save()` and `memalloc_nofs_restore()`.
///
/// For sections in which reclaim must not wait for us: with an allocator's semaphore held, in the
/// downconvert worker. A journal handle has it built in. A task drops its guards in the opposite
/// order, else the scope ends with the outermost.
#[must_use = "the scope ends when this is dropped"]
pub(crate) struct NoFs {
    /// What to go back to.
    flags: c_uint,
    _task: NotThreadSafe,
}

impl NoFs {
    /// Begins the scope.
    pub(crate) fn enter() -> Self {
        Self {
            // SAFETY: Concerns the current task only.
            flags: unsafe { bindings::memalloc_nofs_save() },
            _task: NotThreadSafe,
        }
    }
}

impl Drop for NoFs {
    fn drop(&mut self) {
        // SAFETY: The guard is still in the task that made it, and the flags are what it saved.
        unsafe { bindings::memalloc_nofs_restore(self.flags) };
    }
}
