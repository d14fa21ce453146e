// SPDX-License-Identifier: GPL-2.0-only
//! Folios with buffer heads: from blocks of a file to blocks of the device.
//!
//! C headers: [`include/linux/buffer_head.h`](srctree/include/linux/buffer_head.h),
//! [`include/linux/mpage.h`](srctree/include/linux/mpage.h)
//!
//! Not supported: direct I/O, blocks that are allocated by writeback.

use super::{
    file_system::FileSystem,
    folio::{LockedFolio, WriteFolio},
    inode::Inode,
};
use kernel::{
    bindings,
    error::{from_result, to_result},
    prelude::*,
};

/// Where a run of blocks of a file is.
pub(crate) struct Mapped {
    /// First block on the device.
    pub(crate) block: u64,
    /// Number of blocks that follow each other on the device; not 0.
    pub(crate) count: u64,
    /// Whether they were just allocated: the device has old content there.
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

/// Finds blocks; C: `get_block_t`.
pub(crate) trait GetBlock<T: FileSystem> {
    /// Maps at most `max` blocks from `block` of the file on.
    fn map_blocks(
        folio: &FolioOf<'_, T>,
        block: u64,
        max: u64,
        why: Purpose,
    ) -> Result<Option<Mapped>>;
}

/// Starts reading all of `folio`, one of `inode`'s, from the device. The I/O unlocks it.
///
/// # Errors
///
/// `EINVAL`: another inode's; `EIO`.
pub(crate) fn read_blocks<T: FileSystem, O: GetBlock<T>>(
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
/// room for: reads the rest of its blocks, zeroes new ones.
///
/// # Errors
///
/// `EINVAL`: another inode's, or another position's; `EIO`, and what mapping blocks gives.
pub(crate) fn prepare_write<T: FileSystem, O: GetBlock<T>>(
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
/// `copied` if the folio wasn't up to date and the copy fell short, none if `pos` isn't in the
/// folio. For a range that [`prepare_write`] has prepared: other blocks are only mapped by
/// writeback, and a folio without buffers never is.
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
/// a write to it that failed.
///
/// Writeback would clear the folio's dirty flag there and leave the buffers theirs. Dirtying such
/// a buffer later doesn't dirty the folio again, and it is never written.
pub(crate) fn discard(folio: &mut WriteFolio) {
    // SAFETY: The folio is locked, and the range is all of it.
    unsafe { bindings::block_invalidate_folio(folio.as_raw(), 0, folio.size()) };
}

/// `get_block_t`.
pub(in crate::vfs) unsafe extern "C" fn get_block<T: FileSystem, O: GetBlock<T>>(
    inode: *mut bindings::inode,
    block: bindings::sector_t,
    bh: *mut bindings::buffer_head,
    create: c_int,
) -> c_int {
    // SAFETY: Called by fs/buffer.c and fs/mpage.c for inodes of `T` with a valid buffer.
    let (inode, bytes) = unsafe { (Inode::<T>::from_raw(inode), (*bh).b_size) };
    // SAFETY: The inode is valid, and its block size doesn't change.
    let bits = unsafe { (*inode.as_raw()).i_blkbits };
    let why = if create != 0 {
        Purpose::Write
    } else {
        Purpose::Read
    };
    let max = ((bytes as u64) >> bits).max(1);
    from_result(|| {
        let mapped = O::map_blocks(&FolioOf { inode }, block, max, why)?;
        // A caller loops for ever over 0 blocks, and writes to an unmapped block as to block 0.
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
