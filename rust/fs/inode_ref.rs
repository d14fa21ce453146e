// SPDX-License-Identifier: GPL-2.0-only
//! References to inodes.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! [`Inode`] isn't `AlwaysRefCounted`. Eviction, writeback, a commit of ordered data and a
//! [`Backref`](super::inode::Backref) lend inodes whose `i_count` may be 0 already; they are kept
//! for that long by other means, and a reference that is taken then keeps nothing. So there is no
//! way from a borrow to a reference: one comes from `iget`, or from another one.
//!
//! A reference may be kept anywhere, by any task. It keeps the superblock as well, since unmount
//! waits for inodes (see `inode_count.rs`).
//!
//! Not supported: `igrab()`.

use super::{file_system::FileSystem, inode::Inode};
use core::{mem::ManuallyDrop, ops::Deref, ptr::NonNull};
use kernel::bindings;

/// An owned reference to an inode (`i_count`).
///
/// Dropping the last one may evict the inode, which waits for the journal and for the cluster: see
/// docs/lock-order.md for who may do it.
///
/// # Invariants
///
/// `inode` is valid, and one of its `i_count` is owned.
pub(crate) struct InodeRef<T: FileSystem> {
    inode: NonNull<Inode<T>>,
}

// SAFETY: An inode may be used, and the last reference be dropped, by any task.
unsafe impl<T: FileSystem> Send for InodeRef<T> {}
// SAFETY: As above; the count is atomic.
unsafe impl<T: FileSystem> Sync for InodeRef<T> {}

impl<T: FileSystem> InodeRef<T> {
    /// Takes over a reference.
    ///
    /// # Safety
    ///
    /// `inode` is valid, and the caller hands over one of its `i_count`.
    pub(in crate::vfs) unsafe fn from_raw(inode: NonNull<Inode<T>>) -> Self {
        // INVARIANT: By the contract of this function.
        Self { inode }
    }

    /// Passes the reference on to C code.
    pub(in crate::vfs) fn into_raw(self) -> *mut bindings::inode {
        ManuallyDrop::new(self).inode.as_ptr().cast()
    }
}

impl<T: FileSystem> Deref for InodeRef<T> {
    type Target = Inode<T>;

    fn deref(&self) -> &Inode<T> {
        // SAFETY: By the type invariant there is a reference for as long as `self` is borrowed.
        unsafe { self.inode.as_ref() }
    }
}

impl<T: FileSystem> Clone for InodeRef<T> {
    fn clone(&self) -> Self {
        // SAFETY: By the type invariant `i_count` isn't 0.
        unsafe { bindings::ihold(self.as_raw()) };
        // INVARIANT: The reference was just taken.
        Self { inode: self.inode }
    }
}

impl<T: FileSystem> Drop for InodeRef<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant one reference is ours.
        unsafe { bindings::iput(self.as_raw()) };
    }
}
