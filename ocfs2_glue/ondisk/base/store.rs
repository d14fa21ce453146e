// SPDX-License-Identifier: GPL-2.0-only
//! How format code reaches metadata blocks, without knowing who keeps them.
//!
//! In the kernel a block is a `struct buffer_head` and a change is part of a jbd2 handle; on the
//! host it is a piece of an image file or of memory. The algorithms over trees, chains and
//! directories are generic over these traits, so the code that changes real volumes is the code
//! that the host tests drive and fsck.ocfs2 judges.

use super::bytes::BlockMut;
use super::error::Corrupt;

/// What a block was found to be, each by the one function that checks it whole.
///
/// A store that keeps blocks remembers it, so that a block is checked once and not at each step of
/// each search. Code that changes a block leaves it as good as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Checked {
    /// Extent records in order, each within the volume: of an extent block, or a tree's root.
    Extents = 1,
    /// The chains of an allocator's dinode, and their sums.
    Chains = 2,
    /// A group descriptor.
    Group = 4,
    /// The same, and it has as many clear bits as it says.
    Bits = 8,
}

/// Reads metadata blocks.
///
/// The caller holds what protects the blocks that it asks for (the cluster lock of the inode that
/// owns them, and the lock that keeps other tasks of this node away).
pub trait Blocks {
    /// What reading can end with: [`Corrupt`], or the error of the device.
    type Error: From<Corrupt>;

    /// A reference to one block in memory.
    type Block;

    /// Block size in bytes, a power of two from 512 to 4096.
    fn block_size(&self) -> usize;

    /// Number of blocks on the volume; a block number at or past it is never read.
    fn blocks(&self) -> u64;

    /// Reads block `blkno`. The content isn't checked yet.
    fn read(&mut self, blkno: u64) -> Result<Self::Block, Self::Error>;

    /// Whether `block` was found to be good as `what` since it was read.
    fn is_checked(&self, _block: &Self::Block, _what: Checked) -> bool {
        false
    }

    /// Remembers that.
    fn set_checked(&self, _block: &Self::Block, _what: Checked) {}

    /// Says that a walk has no further use for a block, so that a long one needs little memory.
    fn release(&mut self, _block: Self::Block) {}

    /// The bytes of `block`; always [`Blocks::block_size`] of them.
    fn bytes<'a>(&'a self, block: &'a Self::Block) -> &'a [u8];
}

/// Changes metadata blocks, in one transaction.
pub trait Journaled: Blocks {
    /// A block that was just allocated: in memory and zeroed, not read from disk.
    fn create(&mut self, blkno: u64) -> Result<Self::Block, Self::Error>;

    /// Joins `block` to the transaction, lets `change` edit its bytes, and marks it dirty.
    ///
    /// Only the bytes that `change` notes as changed go into the transaction. An error means that
    /// `change` was not called and the block is as it was, unless the journal was aborted.
    fn update<R>(
        &mut self,
        block: &mut Self::Block,
        change: impl FnOnce(&mut BlockMut<'_>) -> R,
    ) -> Result<R, Self::Error>;
}

/// Where a metadata block came from, as its own header records it
/// (`ocfs2_extent_block.h_suballoc_*`, `ocfs2_dinode.i_suballoc_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suballoc {
    /// The block itself.
    pub blkno: u64,
    /// Slot of the suballocator.
    pub slot: u16,
    /// Bit within the block group.
    pub bit: u16,
    /// Block of the group descriptor, recorded only with the discontig-bg feature, else 0.
    pub loc: u64,
}

/// Gives extent blocks to a tree that grows.
///
/// Everything that could wait or fail for want of room was done before the transaction began.
pub trait ExtentBlockSource<S: Journaled> {
    /// Claims one block in the transaction of `store`.
    fn claim(&mut self, store: &mut S) -> Result<Suballoc, S::Error>;
}
