// SPDX-License-Identifier: GPL-2.0-only
//! One read or write of a file.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/uio.h`](srctree/include/linux/uio.h)
//!
//! Not supported: direct I/O, asynchronous completion.

use super::{file_system::FileSystem, inode::Inode};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{bindings, error::to_result, fs::Kiocb, prelude::*};

/// One read or write: C's `struct kiocb` and `struct iov_iter`.
pub(crate) struct Io<'a, T: FileSystem> {
    iocb: Kiocb<'a, ()>,
    pub(in crate::vfs) iter: NonNull<bindings::iov_iter>,
    _inode: PhantomData<&'a Inode<T>>,
}

impl<T: FileSystem> Io<'_, T> {
    /// What the VFS passes to `->read_iter` and `->write_iter`.
    ///
    /// # Safety
    ///
    /// Both are valid during `'a`, are this operation's own, and belong to an open file of `T`.
    pub(in crate::vfs) unsafe fn from_raw(
        iocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> Self {
        // SAFETY: By the contract. The file system has no private data in its files, so that it is
        // of type `()` isn't wrong.
        unsafe {
            Self {
                iocb: Kiocb::from_raw(iocb),
                iter: NonNull::new_unchecked(iter),
                _inode: PhantomData,
            }
        }
    }

    fn file(&self) -> *mut bindings::file {
        // SAFETY: The kiocb is valid during the operation, and has a file.
        unsafe { (*self.iocb.as_raw()).ki_filp }
    }

    fn flags(&self) -> c_int {
        // SAFETY: The kiocb is valid during the operation.
        unsafe { (*self.iocb.as_raw()).ki_flags }
    }

    /// Whether the caller asked not to be blocked.
    pub(crate) fn nowait(&self) -> bool {
        self.flags() & bindings::IOCB_NOWAIT != 0
    }

    /// Position in the file, in bytes.
    pub(crate) fn pos(&self) -> i64 {
        self.iocb.ki_pos()
    }

    /// Reads through the page cache.
    pub(crate) fn read(&mut self) -> Result<usize> {
        // SAFETY: Both are the VFS's own, valid during the operation.
        count(unsafe { bindings::generic_file_read_iter(self.iocb.as_raw(), self.iter.as_ptr()) })
    }

    /// Checks limits and seals, and sets the position of an appending write from the size that
    /// the inode has now. 0 means that there is nothing to write. The inode lock is held.
    pub(crate) fn write_checks(&mut self) -> Result<usize> {
        // SAFETY: As above.
        count(unsafe { bindings::generic_write_checks(self.iocb.as_raw(), self.iter.as_ptr()) })
    }

    /// Takes privileges such as set-user-id away; may call `->setattr`. The inode lock is held.
    pub(crate) fn remove_privs(&mut self) -> Result {
        // SAFETY: The file is open.
        to_result(unsafe { bindings::file_remove_privs(self.file()) })
    }

    /// Writes through the page cache. The inode lock is held.
    pub(crate) fn write(&mut self) -> Result<usize> {
        // SAFETY: As above.
        count(unsafe { bindings::generic_perform_write(self.iocb.as_raw(), self.iter.as_ptr()) })
    }

    /// Whether a write has to be synced (`iocb_is_dsync()`): by `O_SYNC` or `O_DSYNC`, by the
    /// inode's own flag, or by the mount's. `Some(data_only)` if so.
    pub(crate) fn sync_wanted(&self) -> Option<bool> {
        // SAFETY: The kiocb is valid during the operation.
        let wanted = unsafe { bindings::iocb_is_dsync(self.iocb.as_raw()) };
        wanted.then_some(self.flags() & bindings::IOCB_SYNC == 0)
    }

    /// Writes back and syncs `done` bytes that end at the present position, by `->fsync`. Without
    /// the inode lock.
    pub(crate) fn sync(&self, done: usize, data_only: bool) -> Result {
        let end = self.pos();
        // SAFETY: The file is open; the range was just written.
        to_result(unsafe {
            bindings::vfs_fsync_range(self.file(), end - done as i64, end - 1, data_only.into())
        })
    }
}

/// A read from a file into a pipe, without copying; what `->splice_read` is called with.
pub(crate) struct Splice<'a> {
    pub(in crate::vfs) file: *mut bindings::file,
    pub(in crate::vfs) pos: *mut bindings::loff_t,
    pub(in crate::vfs) pipe: *mut bindings::pipe_inode_info,
    pub(in crate::vfs) len: usize,
    pub(in crate::vfs) flags: c_uint,
    pub(in crate::vfs) _call: PhantomData<&'a mut bindings::pipe_inode_info>,
}

impl Splice<'_> {
    /// Reads through the page cache (`filemap_splice_read`).
    pub(crate) fn read(self) -> Result<usize> {
        // SAFETY: The arguments are what the VFS has passed to the operation that is running.
        count(unsafe {
            bindings::filemap_splice_read(self.file, self.pos, self.pipe, self.len, self.flags)
        })
    }
}

/// What C returns as a number of bytes, or an error.
pub(in crate::vfs) fn count(ret: isize) -> Result<usize> {
    usize::try_from(ret).map_err(|_| Error::from_errno(ret as c_int))
}
