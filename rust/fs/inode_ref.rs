// SPDX-License-Identifier: GPL-2.0-only
//! References to inodes.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! [`Inode`] isn't `AlwaysRefCounted`. Eviction, writeback, a commit of ordered data and a
//! [`Backref`](super::backref::Backref) lend inodes whose `i_count` may be 0 already; they are kept
//! for that long by other means, and a reference that is taken then keeps nothing. So a borrow
//! becomes a reference only if no eviction has begun (`Inode::try_get`); else one comes from
//! `iget`, or from another one.

use super::{inode::Inode, super_block::FileSystem};
use core::{mem::ManuallyDrop, ops::Deref, ptr::NonNull};
use kernel::bindings;

impl<T: FileSystem> Inode<T> {
    /// A reference to an inode that may be borrowed without one, as from a
    /// [`Backref`](super::backref::Backref). `None` if it is being evicted.
    pub(crate) fn try_get(&self) -> Option<InodeRef<T>> {
        // SAFETY: The inode is valid. It isn't given a reference once its eviction has begun.
        let raw = unsafe { bindings::igrab(self.as_raw()) };
        // SAFETY: The reference is handed over.
        NonNull::new(raw.cast()).map(|inode| unsafe { InodeRef::from_raw(inode) })
    }

    /// Has the VFS drop the inode and its dentries as soon as nobody uses them, instead of keeping
    /// them in case somebody will. Doesn't sleep.
    pub(crate) fn mark_dontcache(&self) {
        // SAFETY: The inode is valid; its dentries are walked under its spinlock.
        unsafe { bindings::d_mark_dontcache(self.as_raw()) };
    }
}

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

    /// Drops this reference, and the inode from memory if the dcache is all that still refers to
    /// it; else when its last user lets go of it. Sleeps; may evict this and other inodes.
    ///
    /// A directory's cached entries go with it.
    pub(crate) fn let_go(self) {
        self.mark_dontcache();
        // SAFETY: By the type invariant there is a reference during both calls, and one to the
        // dentry during the first.
        unsafe {
            let dentry = match u32::from(self.mode()) & bindings::S_IFMT {
                bindings::S_IFDIR => bindings::d_find_any_alias(self.as_raw()),
                _ => core::ptr::null_mut(),
            };
            if !dentry.is_null() {
                bindings::shrink_dcache_parent(dentry);
                bindings::dput(dentry);
            }
            bindings::d_prune_aliases(self.as_raw());
        }
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
