// SPDX-License-Identifier: GPL-2.0-only
//! Allocations that don't call back into file systems.
//!
//! C header: [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)
//!
//! Not supported: the other `memalloc_*` scopes.

use kernel::{bindings, types::NotThreadSafe};

/// While it exists, all allocations of this task are `GFP_NOFS` allocations; C:
/// `memalloc_nofs_save()` and `memalloc_nofs_restore()`.
///
/// For sections in which reclaim must not wait for us: with an allocator's semaphore held, in the
/// downconvert worker. A journal handle has it built in. Guards of one task are dropped in the
/// opposite order, else the scope ends with the outermost.
#[must_use = "the scope ends when this is dropped"]
pub(crate) struct NoFs {
    /// Whether the flag is ours to clear.
    set: u32,
    _task: NotThreadSafe,
}

impl NoFs {
    /// Begins the scope.
    pub(crate) fn enter() -> Self {
        // SAFETY: Only a task itself changes its `flags`, and this is the current one. (The C
        // functions are inline, and do the same.)
        unsafe {
            let flags = &raw mut (*bindings::get_current()).flags;
            let set = !*flags & bindings::PF_MEMALLOC_NOFS;
            *flags |= set;
            Self {
                set,
                _task: NotThreadSafe,
            }
        }
    }
}

impl Drop for NoFs {
    fn drop(&mut self) {
        // SAFETY: As above; the guard is still in the task that made it.
        unsafe { (*bindings::get_current()).flags &= !self.set };
    }
}
