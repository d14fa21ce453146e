// SPDX-License-Identifier: GPL-2.0-only
//! Address space operations over buffer heads.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/buffer_head.h`](srctree/include/linux/buffer_head.h),
//! [`include/linux/mpage.h`](srctree/include/linux/mpage.h)
//!
//! `AOP_TRUNCATED_PAGE` is written here and nowhere else.
//!
//! Not supported: direct I/O, swap files, `->launder_folio`.

use super::{
    file::IOCB_NOWAIT,
    folio::{LockedFolio, NoFolio, Retry, WriteFolio},
    inode::Inode,
    super_block::FileSystem,
};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    bindings,
    error::{from_result, to_result},
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

/// Where a run of blocks of a file is.
pub(crate) struct Mapped {
    /// First block on the device.
    pub(crate) block: u64,
    /// Number of blocks that follow each other on the device; not 0.
    pub(crate) count: u64,
    /// Whether they were just allocated, so that what is on the device means nothing.
    pub(crate) fresh: bool,
}

/// What a block is looked up for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be read: a hole or an unwritten extent has no mapping.
    Read,
    /// To be written: `->write_begin` has allocated it, so that having none is an error (`EIO`).
    Write,
}

/// Says that a folio of an inode is locked, or under writeback. A downconvert drops or waits for
/// that folio first, so the inode's cluster lock stays.
pub(crate) struct FolioOf<'a, T: FileSystem> {
    inode: &'a Inode<T>,
}

impl<'a, T: FileSystem> FolioOf<'a, T> {
    /// The inode.
    pub(crate) fn inode(&self) -> &'a Inode<T> {
        self.inode
    }
}

/// C: `struct address_space_operations`, for file system `T`.
pub(crate) trait Operations<T: FileSystem> {
    /// What `->write_begin` leaves for `->write_end` (`fsdata`).
    type Write: ForeignOwnable;
    /// What only a blocking acquire of the cluster lock that succeeded leaves behind. A retry is
    /// made of nothing else, so this is where it is decided what may be followed by one.
    type Waited;

    /// Reads one folio. It may take locks that wait for the disk, not for the cluster.
    fn read_folio(inode: &Inode<T>, folio: LockedFolio) -> ReadFolio<Self::Waited>;

    /// Reads ahead; later folios of the batch are locked meanwhile, so nothing here may wait for
    /// the cluster. What isn't read is handed back by dropping `batch`.
    fn readahead(inode: &Inode<T>, batch: Readahead<'_, T>);

    /// Maps at most `max` blocks from `block` of the file, with a folio locked.
    ///
    /// Not asked of a file system whose content is in memory.
    fn map_blocks(
        _folio: &FolioOf<'_, T>,
        _block: u64,
        _max: u64,
        _why: Purpose,
    ) -> Result<Option<Mapped>> {
        Err(EOPNOTSUPP)
    }

    /// Prepares a write of `len` bytes at `pos`. The inode lock is held.
    fn write_begin(
        inode: &Inode<T>,
        pos: i64,
        len: usize,
        get: WriteTarget<'_, T>,
        wait: NoFolio,
    ) -> WriteBegin<Self::Write, Self::Waited>;

    /// Ends a write of which `copied` bytes arrived. Returns how many count.
    fn write_end(
        inode: &Inode<T>,
        pos: i64,
        len: usize,
        copied: usize,
        folio: WriteFolio,
        context: Self::Write,
    ) -> Result<usize>;

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
        !self.iocb.is_null() && unsafe { (*self.iocb).ki_flags } & IOCB_NOWAIT != 0
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
    /// Starts I/O for all folios of the batch; blocks come from [`Operations::map_blocks`].
    pub(crate) fn read<O: Operations<T>>(self) {
        // SAFETY: The batch belongs to the operation that is running; `get_block` is for `T`.
        unsafe { bindings::mpage_readahead(self.raw.as_ptr(), Some(get_block::<T, O>)) };
    }
}

impl<T: FileSystem> Inode<T> {
    /// The page cache of the inode.
    pub(in crate::vfs) fn mapping(&self) -> NonNull<bindings::address_space> {
        // SAFETY: `i_mapping` points into the inode itself; it isn't null.
        unsafe { NonNull::new_unchecked((*self.as_raw()).i_mapping) }
    }

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

/// Starts reading all of `folio`, one of `inode`'s, from the device. The I/O unlocks it.
///
/// # Errors
///
/// `EINVAL`: another inode's; `EIO`.
pub(crate) fn read_blocks<T: FileSystem, O: Operations<T>>(
    inode: &Inode<T>,
    folio: LockedFolio,
) -> Result {
    if !folio.is_of(inode.mapping()) {
        return Err(EINVAL);
    }
    // SAFETY: The folio is locked and belongs to an inode of `T`; `mpage_read_folio` unlocks it.
    to_result(unsafe { bindings::mpage_read_folio(folio.into_raw(), Some(get_block::<T, O>)) })
}

/// Makes `folio`, one of `inode`'s, ready for a write of `len` bytes at `pos`, or as many as it has
/// room for: reads what stays, zeroes what is new.
///
/// # Errors
///
/// `EINVAL`: another inode's, or another position's; `EIO`, and what mapping blocks gives.
pub(crate) fn prepare_write<T: FileSystem, O: Operations<T>>(
    inode: &Inode<T>,
    folio: &mut WriteFolio,
    pos: i64,
    len: usize,
) -> Result {
    if !folio.is_of(inode.mapping()) {
        return Err(EINVAL);
    }
    let len = folio.part_of(pos, len).ok_or(EINVAL)?;
    // SAFETY: The folio is locked and belongs to an inode of `T`, and all of the range, which the
    // C function cuts nothing of, lies in it.
    to_result(unsafe {
        bindings::__block_write_begin(folio.as_raw(), pos, len as u32, Some(get_block::<T, O>))
    })
}

/// Marks what was copied as up to date and dirty. Returns how many bytes count: less than
/// `copied` where the folio wasn't up to date and the copy fell short, none where `pos` isn't in
/// the folio. For a range that [`prepare_write`] has prepared: others aren't mapped before they are
/// written back, and where the folio has no buffers they are never.
pub(crate) fn commit_write(folio: &mut WriteFolio, pos: i64, len: usize, copied: usize) -> usize {
    let Some(len) = folio.part_of(pos, len) else {
        return 0;
    };
    let copied = copied.min(len);
    // SAFETY: The folio is locked, and the range lies in it; `copied` is a part of that.
    let count =
        unsafe { bindings::block_write_end(pos, len as u32, copied as u32, folio.as_raw()) };
    usize::try_from(count).unwrap_or(0)
}

/// Forgets the buffers of a folio that lies behind the end of the file, and that it is dirty, after
/// a write to it that came to nothing.
///
/// Writeback would take the folio's dirty mark there and leave the buffers theirs. Whoever dirties
/// such a buffer later doesn't mark the folio again, and it is never written.
pub(crate) fn discard(folio: &mut WriteFolio) {
    // SAFETY: The folio is locked, and the range is all of it.
    unsafe { bindings::block_invalidate_folio(folio.as_raw(), 0, folio.size()) };
}

/// `get_block_t`.
unsafe extern "C" fn get_block<T: FileSystem, O: Operations<T>>(
    inode: *mut bindings::inode,
    block: bindings::sector_t,
    bh: *mut bindings::buffer_head,
    create: c_int,
) -> c_int {
    // SAFETY: Called by fs/buffer.c and fs/mpage.c for inodes of `T` with a valid buffer.
    let (inode, bytes) = unsafe { (Inode::<T>::from_raw(inode), (*bh).b_size) };
    // SAFETY: The inode is valid.
    let bits = unsafe { (*inode.as_raw()).i_blkbits };
    let why = if create != 0 {
        Purpose::Write
    } else {
        Purpose::Read
    };
    let max = ((bytes as u64) >> bits).max(1);
    from_result(|| {
        let mapped = O::map_blocks(&FolioOf { inode }, block, max, why)?;
        // Callers loop over what is 0 blocks long, and take what is to be written for mapped.
        if mapped
            .as_ref()
            .map_or(why == Purpose::Write, |m| m.count == 0)
        {
            return Err(EIO);
        }
        if let Some(m) = mapped {
            // SAFETY: The buffer is the caller's; mapping it is what this function is for.
            unsafe {
                bindings::map_bh(bh, (*inode.as_raw()).i_sb, m.block);
                (*bh).b_size = (m.count.min(max) << bits) as usize;
                if m.fresh {
                    bindings::set_buffer_new(bh);
                }
            }
        }
        Ok(0)
    })
}

/// C callbacks for [`Operations`].
pub(in crate::vfs) struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    /// The table for inodes whose content is in blocks or in the inode.
    pub(in crate::vfs) const TABLE: bindings::address_space_operations =
        bindings::address_space_operations {
            read_folio: Some(Self::read_folio),
            readahead: Some(Self::readahead),
            writepages: Some(Self::writepages),
            write_begin: Some(Self::write_begin),
            write_end: Some(Self::write_end),
            bmap: Some(Self::bmap),
            dirty_folio: Some(bindings::block_dirty_folio),
            invalidate_folio: Some(bindings::block_invalidate_folio),
            is_partially_uptodate: Some(bindings::block_is_partially_uptodate),
            // SAFETY: All-zero is a valid table: every member is an optional function.
            ..unsafe { MaybeUninit::zeroed().assume_init() }
        };

    pub(in crate::vfs) unsafe extern "C" fn read_folio(
        _file: *mut bindings::file,
        folio: *mut bindings::folio,
    ) -> c_int {
        // SAFETY: The VFS passes a locked folio of a mapping whose host it keeps alive.
        let inode = unsafe { host::<T>((*folio).__bindgen_anon_1.__bindgen_anon_1.mapping) };
        // SAFETY: As above; the VFS holds its reference until this returns.
        let folio = unsafe { LockedFolio::from_raw(folio) };
        #[cfg(GLUE_WRONG_ORDER)]
        {
            // SAFETY: None: this is the lie that the types exist to prevent, told once, in a
            // build for the test that shows what comes of it.
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

    pub(in crate::vfs) unsafe extern "C" fn readahead(rac: *mut bindings::readahead_control) {
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

    unsafe extern "C" fn writepages(
        mapping: *mut bindings::address_space,
        wbc: *mut bindings::writeback_control,
    ) -> c_int {
        // SAFETY: The arguments are the VFS's own, passed on; `get_block` is for `T`.
        unsafe { bindings::__mpage_writepages(mapping, wbc, Some(get_block::<T, O>), None) }
    }

    unsafe extern "C" fn bmap(
        mapping: *mut bindings::address_space,
        block: bindings::sector_t,
    ) -> bindings::sector_t {
        // SAFETY: As above.
        unsafe { bindings::generic_block_bmap(mapping, block, Some(get_block::<T, O>)) }
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
        // SAFETY: `->write_begin` is called with no folio locked.
        let wait = unsafe { NoFolio::at_entry() };
        match O::write_begin(inode, pos, len as usize, WriteTarget { iocb, inode }, wait) {
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

    pub(in crate::vfs) unsafe extern "C" fn write_end(
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
