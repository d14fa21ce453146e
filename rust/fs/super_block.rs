// SPDX-License-Identifier: GPL-2.0-only
//! Superblocks.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/fs/super_types.h`](srctree/include/linux/fs/super_types.h)
//!
//! Not supported: quotas, freezing.

use super::{file_system::FileSystem, inode_count::InodeCount};
use core::marker::PhantomData;
use kernel::{bindings, error::to_result, prelude::*, sync::Arc, types::Opaque};

/// A device with blocks, whether or not it has been mounted yet.
pub(crate) trait Device {
    /// The C superblock, valid while the borrow is.
    fn sb(&self) -> *mut bindings::super_block;

    /// Size in bytes.
    fn bytes(&self) -> u64 {
        // SAFETY: A superblock of a file system with `FS_REQUIRES_DEV` has its device open.
        unsafe { bindings::bdev_nr_bytes((*self.sb()).s_bdev) }
    }

    /// `s_dev`, as tracepoints show it.
    fn dev(&self) -> u32 {
        // SAFETY: The superblock is valid, and its device number doesn't change.
        unsafe { (*self.sb()).s_dev }
    }

    /// Name for messages and debugfs, as in `s_id`: "vda".
    fn id(&self) -> &CStr {
        // SAFETY: `s_id` is a NUL-terminated array that doesn't change after the device was set.
        unsafe { CStr::from_char_ptr((*self.sb()).s_id.as_ptr()) }
    }
}

/// What `s_fs_info` points to.
#[pin_data]
pub(in crate::vfs) struct Private<T: FileSystem> {
    pub(in crate::vfs) data: Arc<T::Super>,
    /// The slab cache for inodes, which outlives every superblock.
    pub(in crate::vfs) cache: *mut bindings::kmem_cache,
    #[pin]
    pub(in crate::vfs) inodes: InodeCount,
}

/// C: `struct super_block`, with private data of type [`FileSystem::Super`].
///
/// # Invariants
///
/// `s_fs_info` came from `into_foreign` of a `Pin<KBox<Private<T>>>`, except before
/// [`super::context`] has set it, and stays until `->kill_sb`, which runs after the last inode is
/// gone.
#[repr(transparent)]
pub(crate) struct SuperBlock<T: FileSystem> {
    raw: Opaque<bindings::super_block>,
    _type: PhantomData<T>,
}

// SAFETY: The C side synchronises superblocks; the private data is `Send` and `Sync`.
unsafe impl<T: FileSystem> Send for SuperBlock<T> {}
// SAFETY: As above.
unsafe impl<T: FileSystem> Sync for SuperBlock<T> {}

impl<T: FileSystem> Device for SuperBlock<T> {
    fn sb(&self) -> *mut bindings::super_block {
        const { assert!(T::ON_DEVICE) };
        self.as_raw()
    }
}

impl<T: FileSystem> SuperBlock<T> {
    /// Borrows a C superblock.
    ///
    /// # Safety
    ///
    /// `raw` is a superblock of file system type `T`, valid for `'a`.
    pub(in crate::vfs) unsafe fn from_raw<'a>(raw: *mut bindings::super_block) -> &'a Self {
        // SAFETY: `Self` is transparent over the C struct; the rest is the caller's contract.
        unsafe { &*raw.cast() }
    }

    /// The C superblock.
    pub(crate) fn as_raw(&self) -> *mut bindings::super_block {
        self.raw.get()
    }

    /// What `s_fs_info` points to.
    pub(in crate::vfs) fn private(&self) -> &Private<T> {
        // SAFETY: By the type invariant. It is dropped in `->kill_sb`, when there is no superblock
        // to borrow from any more. `into_foreign` of a box gives the pointer to its content.
        unsafe { &*(*self.as_raw()).s_fs_info.cast_const().cast() }
    }

    /// The private data.
    pub(crate) fn data(&self) -> &T::Super {
        &self.private().data
    }

    /// Whether the mount is read-only at this moment.
    pub(crate) fn is_read_only(&self) -> bool {
        // SAFETY: The superblock is valid; the flags word may be read at any time.
        unsafe { bindings::sb_rdonly(self.as_raw()) }
    }

    /// Zeroes blocks on the device and waits. Units: blocks of the file system.
    pub(crate) fn zeroout(&self, block: u64, count: u64) -> Result {
        const { assert!(T::ON_DEVICE) };
        // SAFETY: The device is open as long as the superblock lives.
        to_result(unsafe {
            bindings::sb_issue_zeroout(self.as_raw(), block, count, bindings::GFP_NOFS)
        })
    }

    /// Writes the device's cached blocks back and drops those that nobody uses. Sleeps.
    ///
    /// The cache outlives a mount if somebody else has the device open, as a heartbeat has. Other
    /// nodes have written to the device since.
    pub(in crate::vfs) fn forget_blocks(&self) {
        const { assert!(T::ON_DEVICE) };
        // SAFETY: As above; the file system has the device open. The error of an earlier write was
        // reported to its writer; the next to sync, a replay say, must not get it once more.
        unsafe {
            bindings::sync_blockdev((*self.as_raw()).s_bdev);
            bindings::invalidate_bdev((*self.as_raw()).s_bdev);
        }
    }

    /// Flushes the device's write cache and waits.
    pub(crate) fn flush_device(&self) -> Result {
        const { assert!(T::ON_DEVICE) };
        // SAFETY: As above.
        to_result(unsafe { bindings::blkdev_issue_flush((*self.as_raw()).s_bdev) })
    }
}
