// SPDX-License-Identifier: GPL-2.0-only
//! For file systems whose content is in memory, and not in blocks of a device.
//!
//! C headers: [`include/linux/pagemap.h`](srctree/include/linux/pagemap.h),
//! [`include/linux/buffer_head.h`](srctree/include/linux/buffer_head.h)
//!
//! The content is where the file system keeps it; the page cache has clean copies, which may go at
//! any time. So `->write_end` copies the bytes out of the folio, and there is no writeback.
//!
//! Not supported: shared writable mappings, which would make folios dirty.

#![allow(dead_code, reason = "for the test file system in selftests/aop_retry")]

use super::{
    file_system::FileSystem,
    folio::{LockedFolio, NoFolio},
    inode::{Inode, InodeLock},
    io::Io,
};
use kernel::{bindings, error::to_result, page::PAGE_SIZE, prelude::*};

impl LockedFolio {
    /// Fills the folio with what `page` returns for each page's position in the file, in bytes
    /// (zeros for `None`), and marks it up to date.
    pub(crate) fn fill_by_page<'a>(
        &self,
        mut page: impl FnMut(i64) -> Option<&'a [u8; PAGE_SIZE]>,
    ) {
        for offset in (0..self.size()).step_by(PAGE_SIZE) {
            match page(self.pos() + offset as i64) {
                // SAFETY: The folio is valid and locked, and `offset` is a whole number of pages
                // below its size.
                Some(bytes) => unsafe {
                    bindings::memcpy_to_folio(
                        self.as_raw(),
                        offset,
                        bytes.as_ptr().cast(),
                        PAGE_SIZE,
                    )
                },
                None => self.zero(offset, PAGE_SIZE),
            }
        }
        // SAFETY: The folio is locked and all of it was written just now.
        unsafe { bindings::folio_mark_uptodate(self.as_raw()) };
    }
}

impl<T: FileSystem> Io<'_, T> {
    /// Cuts the rest of the request to at most `bytes`.
    pub(crate) fn limit(&mut self, bytes: usize) {
        // SAFETY: The iterator is this operation's own.
        unsafe { bindings::iov_iter_truncate(self.iter.as_ptr(), bytes as u64) };
    }
}

impl<T: FileSystem> Inode<T> {
    /// Takes the inode lock, unless it would wait.
    pub(crate) fn try_lock(&self) -> Option<InodeLock<'_, T>> {
        // SAFETY: The inode is valid.
        (unsafe { bindings::inode_trylock(self.as_raw()) } != 0).then(|| InodeLock::taken(self))
    }

    /// Makes the file larger by way of `->write_begin` and `->write_end` for no bytes at the new
    /// end (`generic_cont_expand_simple`). The inode lock is held.
    pub(crate) fn expand(&self, size: i64, _wait: NoFolio) -> Result {
        // SAFETY: The inode is valid; `_wait` says that no folio is locked.
        to_result(unsafe { bindings::generic_cont_expand_simple(self.as_raw(), size) })
    }

    /// Sets a smaller size, and drops and zeroes what the page cache has beyond. Waits for folio
    /// locks. The inode lock is held.
    pub(crate) fn shrink(&self, size: i64, _wait: NoFolio) {
        // SAFETY: As above.
        unsafe { bindings::truncate_setsize(self.as_raw(), size) };
    }

    /// Writes a symbolic link's target by way of `->write_begin` and `->write_end`.
    pub(crate) fn write_symlink(&self, target: &CStr, _wait: NoFolio) -> Result {
        let len = target.to_bytes_with_nul().len();
        // SAFETY: As above; the VFS takes no target longer than a page.
        to_result(unsafe {
            bindings::page_symlink(self.as_raw(), target.as_char_ptr(), len as c_int)
        })
    }
}
