// SPDX-License-Identifier: GPL-2.0-only
//! Ways to inodes that don't keep them in memory.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use super::{inode::Inode, super_block::FileSystem};
use core::ptr::NonNull;
use kernel::{new_mutex, prelude::*, sync::Mutex};

/// A way from something that may outlive an inode to that inode; see
/// [`NewInode::backref`](super::inode::NewInode::backref).
///
/// # Invariants
///
/// While `target` is set the inode is valid: `->evict_inode` clears it first, under the mutex.
#[pin_data]
pub(crate) struct Backref<T: FileSystem> {
    #[pin]
    target: Mutex<Option<Target<T>>>,
}

struct Target<T: FileSystem> {
    inode: NonNull<Inode<T>>,
}

// SAFETY: An inode may be used from any task.
unsafe impl<T: FileSystem> Send for Target<T> {}

impl<T: FileSystem> Backref<T> {
    /// # Safety
    ///
    /// `inode` is valid until [`Backref::end`] was called, or this is dropped unused.
    pub(super) unsafe fn new(inode: NonNull<Inode<T>>) -> impl PinInit<Self> {
        // INVARIANT: By the contract.
        let target = Some(Target { inode });
        pin_init!(Self { target <- new_mutex!(target, "vfs_backref") })
    }

    /// Calls `f` with the inode, unless that is gone or going. Eviction waits until `f` is done,
    /// so `f` must not wait for an eviction, nor allocate memory by reclaiming inodes.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&Inode<T>) -> R) -> Option<R> {
        let target = self.target.lock();
        // SAFETY: By the type invariant, for as long as the mutex is held.
        target.as_ref().map(|t| f(unsafe { t.inode.as_ref() }))
    }

    /// The inode is being evicted. Waits for callers of [`Backref::with`].
    pub(super) fn end(&self) {
        *self.target.lock() = None;
    }
}
