// SPDX-License-Identifier: GPL-2.0-only
//! How many inodes of a superblock are in memory.
//!
//! C header: [`include/linux/completion.h`](srctree/include/linux/completion.h)
//!
//! An [`InodeRef`](super::inode_ref::InodeRef) can be kept anywhere, also by a task of its own. C
//! reports busy inodes at unmount and frees the superblock all the same. Here unmount waits for
//! the last of them, so a reference to an inode keeps its superblock. One that is never dropped makes
//! unmount wait for ever: a bug that shows, instead of a use after free.
//!
//! Not supported: a time limit, after which there would be nothing right to do.

use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Completion,
    },
};

/// Counts the inodes of one superblock from `->alloc_inode` to the end of `->destroy_inode`.
///
/// # Invariants
///
/// `users` is the number of those inodes, and one more until [`InodeCount::wait`] is called.
#[pin_data]
pub(in crate::vfs) struct InodeCount {
    users: Atomic<u64>,
    #[pin]
    unused: Completion,
}

impl InodeCount {
    /// None yet.
    pub(in crate::vfs) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: No inode, and nobody has waited.
            users: Atomic::new(1),
            unused <- Completion::new(),
        })
    }

    /// One more.
    pub(in crate::vfs) fn get(&self) {
        self.users.fetch_add(1u64, Relaxed);
    }

    /// One less.
    ///
    /// # Safety
    ///
    /// The caller is one of the users, and doesn't use `this` afterwards.
    pub(in crate::vfs) unsafe fn put(this: *const Self) {
        // SAFETY: It is alive, since the caller counts.
        if unsafe { (*this).users.fetch_sub(1u64, Full) } == 1 {
            // SAFETY: The task in `wait` frees it. `wait_for_completion()` returns only when the
            // completion's own lock is free again.
            unsafe { (*this).unused.complete_all() };
        }
    }

    /// Waits until there is none. Sleeps. To be called once.
    pub(in crate::vfs) fn wait(&self, id: &CStr) {
        let left = self.users.load(Relaxed) - 1;
        if left != 0 {
            pr_info!("{id}: unmount waits for {left} inodes\n");
        }
        // SAFETY: `self` is borrowed, so it stays.
        unsafe { Self::put(self) };
        self.unused.wait_for_completion();
    }
}
