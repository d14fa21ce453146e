// SPDX-License-Identifier: GPL-2.0-only
//! Inodes, with a private part that is allocated along with them.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! Not supported: inode numbers that don't fit `i_ino`.

use super::{file_system::FileSystem, super_block::SuperBlock};
use core::{
    marker::PhantomData,
    mem::{offset_of, MaybeUninit},
    ptr::NonNull,
};
use kernel::{
    bindings,
    error::to_result,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{atomic_load, Relaxed},
        Arc, Mutex, SetOnce,
    },
    types::{NotThreadSafe, Opaque},
};

/// What is allocated for one inode: C's part and ours.
///
/// # Invariants
///
/// `backref` and `data` are initialised from `->alloc_inode` to `->destroy_inode`.
#[repr(C)]
pub(in crate::vfs) struct Slot<T: FileSystem> {
    pub(in crate::vfs) inode: Opaque<bindings::inode>,
    pub(in crate::vfs) backref: MaybeUninit<SetOnce<Arc<Backref<T>>>>,
    pub(in crate::vfs) data: MaybeUninit<T::Inode>,
}

/// C: `struct inode`, of file system `T`.
///
/// A borrow keeps it in memory, but doesn't mean that anybody has a reference: see
/// [`super::inode_ref`].
///
/// # Invariants
///
/// It is the first field of a [`Slot<T>`], between `->alloc_inode` and `->destroy_inode`.
#[repr(transparent)]
pub(crate) struct Inode<T: FileSystem> {
    raw: Opaque<bindings::inode>,
    _type: PhantomData<T>,
}

// SAFETY: The C side synchronises inodes; the private data is `Send` and `Sync`.
unsafe impl<T: FileSystem> Send for Inode<T> {}
// SAFETY: As above.
unsafe impl<T: FileSystem> Sync for Inode<T> {}

/// Something that is a proof for one inode; see [`Proofs`](super::attr::Proofs).
pub(crate) trait OfInode<T: FileSystem> {
    /// Which inode.
    fn inode(&self) -> &Inode<T>;
}

impl<T: FileSystem> Inode<T> {
    /// Borrows a C inode.
    ///
    /// # Safety
    ///
    /// `raw` is an inode of a superblock of type `T` that isn't freed during `'a`: there is a
    /// reference to it, or its eviction waits (`I_SYNC`) or is what calls.
    pub(in crate::vfs) unsafe fn from_raw<'a>(raw: *mut bindings::inode) -> &'a Self {
        const { assert!(offset_of!(Slot<T>, inode) == 0) };
        // SAFETY: All inodes of such superblocks come from `alloc_inode::<T>`.
        unsafe { &*raw.cast() }
    }

    /// The inode of an open file.
    ///
    /// # Safety
    ///
    /// `file` is open, on a file system of type `T`, during `'a`.
    pub(in crate::vfs) unsafe fn of_file<'a>(file: *mut bindings::file) -> &'a Self {
        // SAFETY: By the contract; an open file holds its inode.
        unsafe { Self::from_raw(bindings::file_inode(file)) }
    }

    /// The C inode.
    pub(crate) fn as_raw(&self) -> *mut bindings::inode {
        self.raw.get()
    }

    /// The private part.
    pub(crate) fn data(&self) -> Pin<&T::Inode> {
        // SAFETY: By the type invariants the inode is the head of a slot whose data is valid; the
        // slot doesn't move.
        unsafe { Pin::new_unchecked((*self.as_raw().cast::<Slot<T>>()).data.assume_init_ref()) }
    }

    /// The superblock.
    pub(crate) fn sb(&self) -> &SuperBlock<T> {
        // SAFETY: `i_sb` doesn't change, and the superblock outlives its inodes: unmount waits for
        // them (see `inode_count.rs`).
        unsafe { SuperBlock::from_raw((*self.as_raw()).i_sb) }
    }

    /// The page cache of the inode.
    pub(in crate::vfs) fn mapping(&self) -> NonNull<bindings::address_space> {
        // SAFETY: `i_mapping` points into the inode itself; it isn't null and doesn't change.
        unsafe { NonNull::new_unchecked((*self.as_raw()).i_mapping) }
    }

    /// Inode number.
    pub(crate) fn ino(&self) -> u64 {
        // SAFETY: `i_ino` was set before the inode could be found and doesn't change.
        unsafe { (*self.as_raw()).i_ino }
    }

    /// `i_generation`.
    pub(crate) fn generation(&self) -> u32 {
        // SAFETY: Set before the inode could be found.
        unsafe { (*self.as_raw()).i_generation }
    }

    /// `i_mode`, type and permissions.
    pub(crate) fn mode(&self) -> u16 {
        // SAFETY: The word is valid and aligned. It is changed by one store only, which C
        // treats as atomic. (There is an atomic load for `i16`, and none for `u16`.)
        let mode =
            unsafe { atomic_load((&raw mut (*self.as_raw()).i_mode).cast::<i16>(), Relaxed) };
        mode as u16
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> i64 {
        // SAFETY: `i_size_read` may be called at any time.
        unsafe { bindings::i_size_read(self.as_raw()) }
    }

    /// The way back to this inode, if one was made when it came into memory.
    pub(crate) fn existing_backref(&self) -> Option<Arc<Backref<T>>> {
        // SAFETY: By the type invariants the inode is the head of a slot with a valid `backref`.
        let once = unsafe { (*self.as_raw().cast::<Slot<T>>()).backref.assume_init_ref() };
        once.as_ref().cloned()
    }

    /// Takes the inode lock exclusively (`inode_lock_killable()`): its owner may be waiting for
    /// another node. `EINTR`: this task was killed.
    pub(crate) fn lock_killable(&self) -> Result<InodeLock<'_, T>> {
        // SAFETY: The inode is valid, and so is its lock.
        to_result(unsafe { bindings::inode_lock_killable(self.as_raw()) })?;
        Ok(InodeLock::taken(self))
    }
}

/// The inode lock, held exclusively by this task, which an rwsem remembers as its owner.
#[must_use = "the lock is given back when this is dropped"]
pub(crate) struct InodeLock<'a, T: FileSystem> {
    inode: &'a Inode<T>,
    _task: NotThreadSafe,
}

impl<'a, T: FileSystem> InodeLock<'a, T> {
    /// This task has just taken the lock.
    pub(in crate::vfs) fn taken(inode: &'a Inode<T>) -> Self {
        Self {
            inode,
            _task: NotThreadSafe,
        }
    }
}

impl<T: FileSystem> Drop for InodeLock<'_, T> {
    fn drop(&mut self) {
        // SAFETY: This task took the lock when the value was made.
        unsafe { bindings::inode_unlock(self.inode.as_raw()) };
    }
}

/// A way from something that may outlive an inode to that inode; see
/// [`NewInode::backref`](super::icache::NewInode::backref).
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
    /// To this inode.
    ///
    /// # Safety
    ///
    /// `inode` is valid, and its eviction, which calls [`Backref::clear`], has yet to begin.
    pub(in crate::vfs) unsafe fn new(inode: NonNull<Inode<T>>) -> impl PinInit<Self> {
        let target = Some(Target { inode });
        // INVARIANT: By the contract of this function.
        pin_init!(Self { target <- new_mutex!(target, "vfs_backref") })
    }

    /// From now on it leads nowhere. Waits for a task that is in [`Backref::with`].
    pub(in crate::vfs) fn clear(&self) {
        *self.target.lock() = None;
    }

    /// Calls `f` with the inode, unless its eviction has begun. Eviction waits until `f` is done,
    /// so `f` must not wait for an eviction, nor allocate memory by reclaiming inodes.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&Inode<T>) -> R) -> Option<R> {
        let target = self.target.lock();
        // SAFETY: By the type invariant, for as long as the mutex is held.
        target.as_ref().map(|t| f(unsafe { t.inode.as_ref() }))
    }
}
