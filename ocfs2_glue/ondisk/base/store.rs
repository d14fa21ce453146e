// SPDX-License-Identifier: GPL-2.0-only
//! How format code reaches metadata blocks, without knowing who keeps them.
//!
//! In the kernel a block is a `struct buffer_head` and a change is part of a jbd2 handle; on the
//! host it is a piece of an image file or of memory. The algorithms over trees, chains and
//! directories are generic over these traits, so the code that changes real volumes is the code
//! that the host tests drive and fsck.ocfs2 judges.

use super::error::Corrupt;

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

    /// The bytes of `block`; always [`Blocks::block_size`] of them.
    fn bytes<'a>(&'a self, block: &'a Self::Block) -> &'a [u8];
}

/// Changes metadata blocks, in one transaction.
pub trait Journaled: Blocks {
    /// A block that was just allocated: in memory and zeroed, not read from disk.
    fn create(&mut self, blkno: u64) -> Result<Self::Block, Self::Error>;

    /// Joins `block` to the transaction, lets `change` edit its bytes, and marks it dirty.
    ///
    /// An error means that `change` was not called.
    fn update<R>(
        &mut self,
        block: &mut Self::Block,
        change: impl FnOnce(&mut [u8]) -> R,
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
