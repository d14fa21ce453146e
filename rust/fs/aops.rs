// SPDX-License-Identifier: GPL-2.0-only
//! Address space operations.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/pagemap.h`](srctree/include/linux/pagemap.h)
//!
//! `AOP_TRUNCATED_PAGE` is written here and nowhere else.
//!
//! Not supported: direct I/O, swap files, `->launder_folio`.

use super::{
    file_system::FileSystem,
    folio::{LockedFolio, NoFolio, Retry, WriteFolio},
    get_block::{get_block, GetBlock},
    inode::Inode,
};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    bindings, build_error,
    error::{from_result, to_result, VTABLE_DEFAULT_ERROR},
    prelude::*,
    types::ForeignOwnable,
};

const AOP_TRUNCATED_PAGE: c_int = bindings::positive_aop_returns_AOP_TRUNCATED_PAGE as c_int;

/// How `->read_folio` ended.
pub(crate) enum ReadFolio<W> {
    /// The folio was read, or I/O that will unlock it is under way.
    Done,
    /// Call again.
    Retry(Retry<W>),
    /// Failed; the folio is unlocked.
    Err(Error),
}

/// How `->write_begin` ended.
pub(crate) enum WriteBegin<C, W> {
    /// The folio may be written; the context goes to `->write_end`.
    Ready(WriteFolio, C),
    /// Call again.
    Retry(Retry<W>),
    /// Failed; nothing is locked.
    Err(Error),
}

/// C: `struct address_space_operations`, for one kind of content of file system `T`.
#[vtable]
pub(crate) trait Operations<T: FileSystem> {
    /// What `->write_begin` leaves for `->write_end` (`fsdata`).
    type Write: ForeignOwnable;
    /// What only a blocking acquire of the cluster lock that succeeded leaves behind. A retry is
    /// made of nothing else, so this type decides what may be followed by one.
    type Waited;

    /// `->read_folio`. It may take locks that wait for the disk, not for the cluster.
    fn read_folio(inode: &Inode<T>, folio: LockedFolio) -> ReadFolio<Self::Waited>;

    /// `->readahead`; later folios of the batch are locked meanwhile, so nothing here may wait for
    /// the cluster. What isn't read is handed back by dropping `batch`. Without it the VFS calls
    /// `->read_folio` for each folio.
    fn readahead(_inode: &Inode<T>, _batch: Readahead<'_, T>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->write_begin`: prepares a write of `len` bytes at `pos`. The inode lock is held.
    fn write_begin(
        _inode: &Inode<T>,
        _pos: i64,
        _len: usize,
        _target: WriteTarget<'_, T>,
        _wait: NoFolio,
    ) -> WriteBegin<Self::Write, Self::Waited> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->write_end`: ends a write of which `copied` bytes arrived. Returns how many count.
    fn write_end(
        _inode: &Inode<T>,
        _pos: i64,
        _len: usize,
        _copied: usize,
        _folio: WriteFolio,
        _context: Self::Write,
    ) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->bmap`: which block of the device has block `block` of the file; `None` for a hole, and
    /// for what may not be read from the device. No folio is locked.
    fn bmap(_inode: &Inode<T>, _block: u64, _wait: &NoFolio) -> Result<Option<u64>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The order that deadlocks: called with a folio locked, by the test build alone.
    #[cfg(GLUE_WRONG_ORDER)]
    fn wait_in_the_wrong_order(inode: &Inode<T>, lie: &NoFolio) -> Result;
}

/// The mapping and the kiocb that a write goes to.
pub(crate) struct WriteTarget<'a, T: FileSystem> {
    iocb: *const bindings::kiocb,
    inode: &'a Inode<T>,
}

impl<T: FileSystem> WriteTarget<'_, T> {
    /// A write that comes from the file system itself, without a kiocb.
    pub(crate) fn internal(inode: &Inode<T>) -> WriteTarget<'_, T> {
        WriteTarget {
            iocb: core::ptr::null(),
            inode,
        }
    }

    /// Whether the writer asked not to be blocked (`IOCB_NOWAIT`).
    pub(crate) fn nowait(&self) -> bool {
        // SAFETY: `iocb` is NULL or valid during the write.
        !self.iocb.is_null() && unsafe { (*self.iocb).ki_flags } & bindings::IOCB_NOWAIT != 0
    }

    /// Locks the folio at `pos`; see [`WriteFolio::get`].
    pub(crate) fn folio(
        &self,
        pos: i64,
        len: usize,
        wait: NoFolio,
    ) -> Result<WriteFolio, (NoFolio, Error)> {
        WriteFolio::get(self.iocb, self.inode.mapping(), pos, len, wait)
    }
}

/// A batch of folios to be read ahead; C: `struct readahead_control`.
pub(crate) struct Readahead<'a, T: FileSystem> {
    pub(in crate::vfs) raw: NonNull<bindings::readahead_control>,
    _inode: PhantomData<&'a Inode<T>>,
}

impl<T: FileSystem> Readahead<'_, T> {
    /// Starts I/O for all folios of the batch.
    pub(crate) fn read<O: GetBlock<T>>(self) {
        // SAFETY: The batch belongs to the operation that is running; `get_block` is for `T`.
        unsafe { bindings::mpage_readahead(self.raw.as_ptr(), Some(get_block::<T, O>)) };
    }

    /// Calls `f` for the next folio of the batch, which is unlocked then; `None` if there is none.
    /// It is only lent: the others of the batch are locked, so unlocking one is no leave to wait.
    pub(crate) fn next<R>(&mut self, f: impl FnOnce(&LockedFolio) -> R) -> Option<R> {
        // SAFETY: The batch belongs to the operation that is running.
        let folio = unsafe { bindings::readahead_folio(self.raw.as_ptr()) };
        // SAFETY: A folio of the batch is locked. The batch's reference is gone, but the page
        // cache has one, and can't lose the folio before it is unlocked.
        (!folio.is_null()).then(|| f(&unsafe { LockedFolio::from_raw(folio) }))
    }
}

impl<T: FileSystem> Inode<T> {
    /// Writes dirty folios back and waits for them; also reports earlier write errors.
    pub(crate) fn write_and_wait(&self) -> Result {
        // SAFETY: The mapping lives as long as the inode.
        to_result(unsafe { bindings::filemap_write_and_wait(self.mapping().as_ptr()) })
    }

    /// Drops every folio from the page cache and from page tables. Waits for folio locks; takes
    /// neither the inode lock nor `invalidate_lock`.
    pub(crate) fn drop_page_cache(&self) {
        // SAFETY: The mapping lives as long as the inode. Nobody adds folios that are up to date
        // meanwhile: that takes the cluster lock, which the caller is giving up.
        unsafe {
            bindings::unmap_mapping_range(self.mapping().as_ptr(), 0, 0, 0);
            bindings::truncate_inode_pages(self.mapping().as_ptr(), 0);
        }
    }
}

/// C callbacks for [`Operations`].
pub(in crate::vfs) struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T> + GetBlock<T>> Callbacks<T, O> {
    /// The table for inodes whose content is in blocks of the device, or in the inode.
    pub(in crate::vfs) const BLOCKS: bindings::address_space_operations =
        bindings::address_space_operations {
            writepages: Some(Self::writepages),
            dirty_folio: Some(bindings::block_dirty_folio),
            invalidate_folio: Some(bindings::block_invalidate_folio),
            migrate_folio: Some(bindings::buffer_migrate_folio),
            is_partially_uptodate: Some(bindings::block_is_partially_uptodate),
            ..Self::COMMON
        };

    unsafe extern "C" fn writepages(
        mapping: *mut bindings::address_space,
        wbc: *mut bindings::writeback_control,
    ) -> c_int {
        // SAFETY: The arguments are the VFS's own, passed on; `get_block` is for `T`.
        unsafe { bindings::__mpage_writepages(mapping, wbc, Some(get_block::<T, O>), None) }
    }
}

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    /// The table for inodes whose content is in memory, and the page cache's folios clean copies.
    pub(in crate::vfs) const MEMORY: bindings::address_space_operations =
        bindings::address_space_operations {
            dirty_folio: Some(bindings::noop_dirty_folio),
            migrate_folio: Some(bindings::filemap_migrate_folio),
            ..Self::COMMON
        };

    /// What doesn't depend on where the content is.
    const COMMON: bindings::address_space_operations = bindings::address_space_operations {
        read_folio: Some(Self::read_folio),
        readahead: if O::HAS_READAHEAD {
            Some(Self::readahead)
        } else {
            None
        },
        write_begin: if O::HAS_WRITE_BEGIN {
            Some(Self::write_begin)
        } else {
            None
        },
        write_end: if O::HAS_WRITE_END {
            Some(Self::write_end)
        } else {
            None
        },
        bmap: if O::HAS_BMAP { Some(Self::bmap) } else { None },
        error_remove_folio: Some(bindings::generic_error_remove_folio),
        // SAFETY: All-zero is a valid table: every member is an optional function.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    unsafe extern "C" fn read_folio(
        _file: *mut bindings::file,
        folio: *mut bindings::folio,
    ) -> c_int {
        // SAFETY: The VFS passes a locked folio of a mapping whose host it keeps alive.
        let inode = unsafe { host::<T>((*folio).__bindgen_anon_1.__bindgen_anon_1.mapping) };
        // SAFETY: As above; the VFS holds its reference until this returns.
        let folio = unsafe { LockedFolio::from_raw(folio) };
        #[cfg(GLUE_WRONG_ORDER)]
        {
            // SAFETY: None. The types exist to prevent this. Only the build for the test of the
            // deadlock has it.
            let lie = unsafe { NoFolio::at_entry() };
            if let Err(e) = O::wait_in_the_wrong_order(inode, &lie) {
                return e.to_errno();
            }
        }
        match O::read_folio(inode, folio) {
            ReadFolio::Done => 0,
            ReadFolio::Retry(_) => AOP_TRUNCATED_PAGE,
            ReadFolio::Err(e) => e.to_errno(),
        }
    }

    unsafe extern "C" fn readahead(rac: *mut bindings::readahead_control) {
        // SAFETY: The VFS passes a valid batch of a mapping whose host it keeps alive.
        let inode = unsafe { host::<T>((*rac).mapping) };
        // SAFETY: A valid pointer isn't null.
        let raw = unsafe { NonNull::new_unchecked(rac) };
        O::readahead(
            inode,
            Readahead {
                raw,
                _inode: PhantomData,
            },
        );
    }

    pub(in crate::vfs) unsafe extern "C" fn write_begin(
        iocb: *const bindings::kiocb,
        mapping: *mut bindings::address_space,
        pos: bindings::loff_t,
        len: c_uint,
        foliop: *mut *mut bindings::folio,
        fsdata: *mut *mut c_void,
    ) -> c_int {
        // SAFETY: The host of the mapping is kept alive by the writer.
        let inode = unsafe { host::<T>(mapping) };
        // SAFETY: `->write_begin` is called with no folio of this file system locked.
        let wait = unsafe { NoFolio::at_entry() };
        match O::write_begin(inode, pos, len as usize, WriteTarget { iocb, inode }, wait) {
            // The VFS would copy to it all the same.
            WriteBegin::Ready(folio, _)
                if !folio.is_of(inode.mapping()) || folio.part_of(pos, 1).is_none() =>
            {
                pr_err!("->write_begin returned another folio than that of {pos}\n");
                EIO.to_errno()
            }
            WriteBegin::Ready(folio, context) => {
                // SAFETY: Both are valid for writing during the call.
                unsafe {
                    *foliop = folio.into_raw();
                    *fsdata = context.into_foreign();
                }
                0
            }
            WriteBegin::Retry(_) => AOP_TRUNCATED_PAGE,
            WriteBegin::Err(e) => e.to_errno(),
        }
    }

    unsafe extern "C" fn write_end(
        _iocb: *const bindings::kiocb,
        mapping: *mut bindings::address_space,
        pos: bindings::loff_t,
        len: c_uint,
        copied: c_uint,
        folio: *mut bindings::folio,
        fsdata: *mut c_void,
    ) -> c_int {
        // SAFETY: The host of the mapping is kept alive by the writer.
        let inode = unsafe { host::<T>(mapping) };
        // SAFETY: The values come from `write_begin`, each once.
        let (folio, context) =
            unsafe { (WriteFolio::from_raw(folio), O::Write::from_foreign(fsdata)) };
        from_result(|| {
            O::write_end(inode, pos, len as usize, copied as usize, folio, context)
                .map(|count| count as c_int)
        })
    }

    unsafe extern "C" fn bmap(
        mapping: *mut bindings::address_space,
        block: bindings::sector_t,
    ) -> bindings::sector_t {
        // SAFETY: The caller keeps the host of the mapping alive, and holds no folio lock.
        let (inode, wait) = unsafe { (host::<T>(mapping), NoFolio::at_entry()) };
        // C has no other way to say that it failed than that there is a hole.
        O::bmap(inode, block, &wait).ok().flatten().unwrap_or(0)
    }
}

/// The inode that a mapping belongs to.
///
/// # Safety
///
/// `mapping` belongs to an inode of `T`, to which there is a reference for `'a`.
unsafe fn host<'a, T: FileSystem>(mapping: *mut bindings::address_space) -> &'a Inode<T> {
    // SAFETY: By the contract.
    unsafe { Inode::from_raw((*mapping).host) }
}
