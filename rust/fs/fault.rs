// SPDX-License-Identifier: GPL-2.0-only
//! What a file system needs whose content is in memory, and not in blocks of a device.
//!
//! C headers: [`include/linux/pagemap.h`](srctree/include/linux/pagemap.h),
//! [`include/linux/buffer_head.h`](srctree/include/linux/buffer_head.h)
//!
//! The content is where the file system keeps it; the page cache has clean copies, which may go at
//! any time. So `->write_end` takes the bytes over, and there is no writeback.
//!
//! Not supported: shared writable mappings, which would make folios dirty.

#![allow(dead_code, reason = "for the test file system in selftests/aop_retry")]

use super::{
    address_space::{Callbacks, Operations, Readahead},
    file::{self, Io},
    folio::{LockedFolio, NoFolio},
    inode::{Inode, InodeLock},
    super_block::FileSystem,
    tables::Tables,
};
use core::mem::MaybeUninit;
use kernel::{bindings, error::to_result, page::PAGE_SIZE, prelude::*};

/// `MAX_PAGECACHE_ORDER` of `srctree/include/linux/pagemap.h`: folios of 2 MiB.
const MAX_ORDER: usize = 9;

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    /// The table for inodes whose content is in memory.
    const MEMORY: bindings::address_space_operations = bindings::address_space_operations {
        readahead: Some(Self::readahead),
        ..Self::MEMORY_ONE_BY_ONE
    };

    /// The same without `->readahead`, so that the VFS calls `->read_folio` instead.
    const MEMORY_ONE_BY_ONE: bindings::address_space_operations =
        bindings::address_space_operations {
            read_folio: Some(Self::read_folio),
            write_begin: Some(Self::write_begin),
            write_end: Some(Self::write_end),
            dirty_folio: Some(bindings::noop_dirty_folio),
            // SAFETY: All-zero is a valid table: every member is an optional function.
            ..unsafe { MaybeUninit::zeroed().assume_init() }
        };
}

impl<T: FileSystem> Tables<T> {
    /// For content in memory. Without `readahead` the VFS calls `->read_folio` instead.
    pub(crate) const fn in_memory<F, A>(readahead: bool) -> Self
    where
        F: file::Operations<T>,
        A: Operations<T>,
    {
        Self::with::<F>(match readahead {
            true => &Callbacks::<T, A>::MEMORY,
            false => &Callbacks::<T, A>::MEMORY_ONE_BY_ONE,
        })
    }
}

impl<T: FileSystem> Readahead<'_, T> {
    /// Has `f` look after the next folio of the batch, which is unlocked then; `None` if there is
    /// none. Only lent: the others of the batch are locked, so unlocking one is no leave to wait.
    pub(crate) fn next<R>(&mut self, f: impl FnOnce(&LockedFolio) -> R) -> Option<R> {
        // SAFETY: The batch belongs to the operation that is running.
        let folio = unsafe { bindings::readahead_folio(self.raw.as_ptr()) };
        // SAFETY: A folio of the batch is locked. The batch's reference is gone, but the page
        // cache has one, and can't lose the folio before it is unlocked.
        (!folio.is_null()).then(|| f(&unsafe { LockedFolio::from_raw(folio) }))
    }
}

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
        // SAFETY: The iterator is this operation's own. (`iov_iter_truncate` is inline, and does
        // the same.)
        let count = unsafe {
            let iter = self.iter.as_mut();
            &mut iter.__bindgen_anon_1.__bindgen_anon_1.as_mut().count
        };
        *count = bytes.min(*count);
    }
}

impl<T: FileSystem> Inode<T> {
    /// Takes the inode lock, unless it would wait.
    pub(crate) fn try_lock(&self) -> Option<InodeLock<'_, T>> {
        // SAFETY: The inode is valid.
        (unsafe { bindings::inode_trylock(self.as_raw()) } != 0).then(|| InodeLock { inode: self })
    }

    /// Lets the page cache use folios of up to 2 MiB for a new inode, if the kernel has them.
    pub(crate) fn allow_large_folios(&self) {
        let order = MAX_ORDER << bindings::mapping_flags_AS_FOLIO_ORDER_MAX;
        // SAFETY: The inode is new, so nobody uses its mapping yet. Kernels without large folios
        // (no CONFIG_TRANSPARENT_HUGEPAGE) don't look at these bits.
        unsafe { (*self.mapping().as_ptr()).flags |= order };
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
