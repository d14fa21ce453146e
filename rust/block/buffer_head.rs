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

use super::fs::super_block::Device;
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
    /// The block, with what memory has of it, else read from the device, and which of the two it was.
    /// Its beginning is copied to `to`, which may be longer or shorter. Sleeps.
    ///
    /// `block` counts blocks of the superblock's size. `EIO`: beyond the device, reading failed, or
    /// writing did.
    pub(crate) fn read(
        dev: &(impl Device + ?Sized),
        block: u64,
        to: &mut [u8],
    ) -> Result<(Self, Source)> {
        Self::read_as(dev, block, to, Source::Memory)
    }

    /// The block as the device has it: another node may have written it since. Sleeps. As
    /// [`Self::read`] otherwise.
    ///
    /// A buffer that is dirty, or that the journal still has business with, is newer than the
    /// device, since it was changed under a cluster lock that this node still holds; it is left
    /// alone. The caller holds the cluster lock of the block, and keeps others from changing it
    /// meanwhile. Any number of tasks may read one block this way.
    pub(crate) fn read_fresh(
        dev: &(impl Device + ?Sized),
        block: u64,
        to: &mut [u8],
    ) -> Result<(Self, Source)> {
        Self::read_as(dev, block, to, Source::Device)
    }

    /// A buffer that is read again isn't up to date from before the read to its end, all of which
    /// time it is locked. So the bit means nothing to who looks at it without the lock and finds
    /// it clear, also where its own read has just ended; and a copy must be made under the lock if
    /// it shouldn't mix two reads.
    fn read_as(
        dev: &(impl Device + ?Sized),
        block: u64,
        to: &mut [u8],
        source: Source,
    ) -> Result<(Self, Source)> {
        let bh = Self::create(dev, block)?;
        if source == Source::Memory && bh.is_uptodate() {
            bh.copy_to(to);
            return Ok((bh, Source::Memory));
        }
        let mut locked = bh.lock();
        let mut from = Source::Memory;
        if !bh.is_ours() && (source == Source::Device || !bh.is_uptodate()) {
            from = Source::Device;
            locked.read();
            // The end of the read unlocks it.
            locked = bh.lock();
        }
        if !bh.is_uptodate() {
            return Err(EIO);
        }
        bh.copy_to(to);
        drop(locked);
        Ok((bh, from))
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
    pub(in crate::vfs) fn as_raw(&self) -> *mut bindings::buffer_head {
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
    pub(in crate::vfs) fn is_on(&self, bdev: *mut bindings::block_device) -> bool {
        // SAFETY: As for the number; the pointer is compared, not followed.
        core::ptr::eq(unsafe { (*self.as_raw()).b_bdev }, bdev)
    }

    /// Whether the journal has business with the buffer.
    pub(in crate::vfs) fn is_journaled(&self) -> bool {
        // SAFETY: By the type invariant the buffer is valid; the bit may be read at any time.
        unsafe { bindings::buffer_jbd(self.as_raw()) != 0 }
    }

    /// Whether the content is the block's.
    pub(in crate::vfs) fn is_uptodate(&self) -> bool {
        // SAFETY: As above.
        unsafe { bindings::buffer_uptodate(self.as_raw()) != 0 }
    }

    /// Whether this node has a newer block than the device.
    fn is_ours(&self) -> bool {
        // SAFETY: As above.
        self.is_journaled() || unsafe { bindings::buffer_dirty(self.as_raw()) != 0 }
    }

    /// Whether the content is the block's, also while another task reads it again: waits for that.
    pub(in crate::vfs) fn is_valid(&self) -> bool {
        self.is_uptodate() || {
            let _locked = self.lock();
            self.is_uptodate()
        }
    }

    /// Takes the buffer lock, which is held during I/O. Sleeps.
    pub(in crate::vfs) fn lock(&self) -> Locked<'_> {
        // SAFETY: By the type invariant the buffer is valid.
        unsafe { bindings::lock_buffer(self.as_raw()) };
        Locked { bh: self }
    }

    /// Copies as much as both have.
    fn copy_to(&self, to: &mut [u8]) {
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
    }

    /// Overwrites the whole block in memory.
    ///
    /// The caller made sure that the journal or the buffer lock allows it, and marks it dirty.
    /// `EINVAL`: `from` isn't as long as the block.
    pub(in crate::vfs) fn fill(&self, from: &[u8]) -> Result {
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

    /// Overwrites bytes from `at` on in memory, as many as there are in `from` and in the block.
    ///
    /// The caller is in a transaction that has write access to the buffer.
    pub(in crate::vfs) fn put(&self, at: usize, from: &[u8]) {
        let len = from.len().min(self.size().saturating_sub(at));
        // SAFETY: As in `copy_to`; `at + len` is at most `b_size`, or `len` is 0.
        unsafe {
            bindings::memcpy(
                (*self.as_raw()).b_data.wrapping_add(at).cast(),
                from.as_ptr().cast(),
                len,
            )
        };
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
        {
            let _locked = self.lock();
            if self.is_journaled() {
                return Err(EBUSY);
            }
            self.fill(from)?;
            // SAFETY: The buffer is locked, and its content was just set.
            unsafe {
                bindings::set_buffer_uptodate(raw);
                bindings::mark_buffer_dirty(raw);
            }
        }
        // SAFETY: The buffer is valid, its device open while `dev` is borrowed.
        to_result(unsafe { bindings::sync_dirty_buffer(raw) })
    }
}

/// Where the content of a buffer comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Memory had it: it was read before, or changed by this node.
    Memory,
    /// It was read from the device just now.
    Device,
}

/// A buffer that this task has locked; unlocked when dropped.
pub(in crate::vfs) struct Locked<'a> {
    bh: &'a BufferHead,
}

impl Locked<'_> {
    /// Begins to read the block from the device. The end of the read gives the lock back.
    fn read(self) {
        let raw = core::mem::ManuallyDrop::new(self).bh.as_raw();
        // SAFETY: The buffer is mapped, and locked by this task, which hands the lock over. Its
        // reference outlives the read: who began it waits for the lock.
        unsafe {
            bindings::clear_buffer_uptodate(raw);
            bindings::__bh_read(raw, 0, false);
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // SAFETY: This task took the lock when the value was made.
        unsafe { bindings::unlock_buffer(self.bh.as_raw()) };
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
