// SPDX-License-Identifier: GPL-2.0-only
//! Blocks of a device, as metadata uses them.
//!
//! C header: [`include/linux/buffer_head.h`](srctree/include/linux/buffer_head.h)
//!
//! The bytes of a buffer are shared with the device, with jbd2 and with whoever else has the block
//! open, and no lock of this layer covers all of them. So no Rust reference to them is ever made:
//! content goes in and out as whole copies, made by C's `memcpy`. A copy that raced with a writer
//! is torn, which the file system's own locks prevent and its decoder would notice; it is not
//! undefined behaviour.
//!
//! Not supported: buffers of page cache folios, asynchronous reads and writes, readahead.

use super::super_block::Device;
use core::ptr::NonNull;
use kernel::{bindings, error::to_result, prelude::*};

/// A reference to a buffer of a block device; C: `struct buffer_head`.
///
/// It may be kept for any length of time: the reference keeps the buffer and its memory, not the
/// device. What does I/O therefore takes the [`Device`].
///
/// # Invariants
///
/// `raw` is a buffer of a block device's page cache, mapped to a block, of which one `b_count` is
/// owned.
pub(crate) struct BufferHead {
    raw: NonNull<bindings::buffer_head>,
}

// SAFETY: The count and the state bits are atomic; any task may drop a reference.
unsafe impl Send for BufferHead {}
// SAFETY: What shared references allow is locked by the C side, or copies bytes (see above).
unsafe impl Sync for BufferHead {}

impl BufferHead {
    /// The block, with what memory has of it, else read from the device. Sleeps.
    ///
    /// `block` counts blocks of the superblock's size. `EIO`: beyond the device, or reading failed.
    pub(crate) fn read(dev: &(impl Device + ?Sized), block: u64) -> Result<Self> {
        check_range(dev, block)?;
        // SAFETY: The superblock is valid and its device open while `dev` is borrowed.
        Self::from_owned(unsafe { bindings::sb_bread(dev.sb(), block) })
    }

    /// The block as the device has it: another node may have written it since. Sleeps.
    ///
    /// A buffer that is dirty, or that the journal still has business with, is newer than the
    /// device, since it was changed under a cluster lock that this node still holds; it is left
    /// alone. The caller holds the cluster lock of the block, and keeps others from changing it
    /// meanwhile.
    pub(crate) fn read_fresh(dev: &(impl Device + ?Sized), block: u64) -> Result<Self> {
        let bh = Self::create(dev, block)?;
        let raw = bh.as_raw();
        if bh.is_ours() {
            return bh.checked();
        }
        // SAFETY: By the type invariant the buffer is valid.
        unsafe { bindings::lock_buffer(raw) };
        if bh.is_ours() {
            // SAFETY: Locked above.
            unsafe { bindings::unlock_buffer(raw) };
            return bh.checked();
        }
        // SAFETY: The buffer is locked, mapped and clean. The read unlocks it and is waited for.
        to_result(unsafe {
            bindings::clear_buffer_uptodate(raw);
            bindings::__bh_read(raw, 0, true)
        })?;
        Ok(bh)
    }

    /// The buffer of a block that was just allocated; nothing is read, so the content is undefined
    /// until it is written. Sleeps.
    pub(crate) fn create(dev: &(impl Device + ?Sized), block: u64) -> Result<Self> {
        check_range(dev, block)?;
        // SAFETY: The superblock is valid and its device open while `dev` is borrowed.
        Self::from_owned(unsafe { bindings::sb_getblk(dev.sb(), block) })
    }

    /// Takes over the reference that a C function returned, unless it failed.
    fn from_owned(raw: *mut bindings::buffer_head) -> Result<Self> {
        let raw = NonNull::new(raw).ok_or(EIO)?;
        // INVARIANT: `sb_bread` and `sb_getblk` return buffers of the device with a reference; the
        // check below makes sure of the mapping, without which I/O is a bug.
        let bh = Self { raw };
        // SAFETY: By the type invariant the buffer is valid.
        if unsafe { bindings::buffer_mapped(bh.as_raw()) } == 0 {
            return Err(EIO);
        }
        Ok(bh)
    }

    /// The C buffer.
    pub(super) fn as_raw(&self) -> *mut bindings::buffer_head {
        self.raw.as_ptr()
    }

    /// Block number, in blocks of [`Self::size`].
    pub(crate) fn blocknr(&self) -> u64 {
        // SAFETY: Set before the buffer could be found, and constant while it is referenced.
        unsafe { (*self.as_raw()).b_blocknr }
    }

    /// Bytes in the block.
    pub(crate) fn size(&self) -> usize {
        // SAFETY: As for the number.
        unsafe { (*self.as_raw()).b_size }
    }

    /// Whether the buffer belongs to block device `bdev`.
    pub(super) fn is_on(&self, bdev: *mut bindings::block_device) -> bool {
        // SAFETY: As for the number; the pointer is compared, not followed.
        core::ptr::eq(unsafe { (*self.as_raw()).b_bdev }, bdev)
    }

    /// Whether the journal has business with the buffer.
    pub(super) fn is_journaled(&self) -> bool {
        // SAFETY: By the type invariant the buffer is valid; the bit may be read at any time.
        unsafe { bindings::buffer_jbd(self.as_raw()) != 0 }
    }

    /// Whether the content is the block's.
    pub(super) fn is_uptodate(&self) -> bool {
        // SAFETY: As above.
        unsafe { bindings::buffer_uptodate(self.as_raw()) != 0 }
    }

    /// Whether this node has a newer block than the device.
    fn is_ours(&self) -> bool {
        // SAFETY: As above.
        self.is_journaled() || unsafe { bindings::buffer_dirty(self.as_raw()) != 0 }
    }

    fn checked(self) -> Result<Self> {
        if self.is_uptodate() {
            Ok(self)
        } else {
            Err(EIO)
        }
    }

    /// Copies the beginning of the block to `to`, and returns how many bytes: the lesser of the two
    /// lengths. `EIO`: the block was never read nor written, or writing it failed.
    pub(crate) fn copy_to(&self, to: &mut [u8]) -> Result<usize> {
        if !self.is_uptodate() {
            return Err(EIO);
        }
        let len = to.len().min(self.size());
        // SAFETY: `b_data` has `b_size` bytes, which are mapped as long as the buffer is referenced
        // (block devices have no high memory in their page cache). Races: see the top of the file.
        unsafe {
            bindings::memcpy(
                to.as_mut_ptr().cast(),
                (*self.as_raw()).b_data.cast_const().cast(),
                len,
            )
        };
        Ok(len)
    }

    /// Overwrites the whole block in memory.
    ///
    /// The caller made sure that the journal or the buffer lock allows it, and marks it dirty.
    /// `EINVAL`: `from` isn't as long as the block.
    pub(super) fn fill(&self, from: &[u8]) -> Result {
        if from.len() != self.size() {
            return Err(EINVAL);
        }
        // SAFETY: As in `copy_to`.
        unsafe {
            bindings::memcpy(
                (*self.as_raw()).b_data.cast(),
                from.as_ptr().cast(),
                from.len(),
            )
        };
        Ok(())
    }

    /// Writes the whole block to the device without the journal, and waits.
    ///
    /// For blocks that are never journaled: the slot map, the journals' own inodes, the superblock.
    /// `EBUSY`: this one is; `EINVAL`: not as long as the block, or another device; `EIO`.
    pub(crate) fn write_sync(&self, dev: &(impl Device + ?Sized), from: &[u8]) -> Result {
        let raw = self.as_raw();
        // SAFETY: The superblock is valid; `s_bdev` is constant while it is in use.
        if !self.is_on(unsafe { (*dev.sb()).s_bdev }) {
            return Err(EINVAL);
        }
        // SAFETY: By the type invariant the buffer is valid.
        unsafe { bindings::lock_buffer(raw) };
        let filled = if self.is_journaled() {
            Err(EBUSY)
        } else {
            self.fill(from)
        };
        if filled.is_ok() {
            // SAFETY: The buffer is locked, and its content was just set.
            unsafe {
                bindings::set_buffer_uptodate(raw);
                bindings::mark_buffer_dirty(raw);
            }
        }
        // SAFETY: Locked above.
        unsafe { bindings::unlock_buffer(raw) };
        filled?;
        // SAFETY: The buffer is valid, its device open while `dev` is borrowed.
        to_result(unsafe { bindings::sync_dirty_buffer(raw) })
    }
}

impl Clone for BufferHead {
    fn clone(&self) -> Self {
        // SAFETY: There is a reference already.
        unsafe { bindings::get_bh(self.as_raw()) };
        // INVARIANT: The reference was just taken.
        Self { raw: self.raw }
    }
}

impl Drop for BufferHead {
    fn drop(&mut self) {
        // SAFETY: By the type invariant one reference is ours.
        unsafe { bindings::brelse(self.as_raw()) };
    }
}

/// Block numbers come from the disk, and `bh_submit` treats one beyond the device as a kernel bug.
fn check_range(dev: &(impl Device + ?Sized), block: u64) -> Result {
    // SAFETY: The superblock is valid; its block size is constant while it is in use.
    let bits = u32::from(unsafe { (*dev.sb()).s_blocksize_bits });
    if block < dev.bytes().checked_shr(bits).unwrap_or(0) {
        Ok(())
    } else {
        Err(EIO)
    }
}
