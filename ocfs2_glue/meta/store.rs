// SPDX-License-Identifier: GPL-2.0-only
//! Metadata blocks in the kernel: [`ondisk::store`] over buffers and jbd2.
//!
//! A block is decoded from a snapshot, so neither the device nor a second node that writes where
//! it may not can change what was checked.
//!
//! What the device's cache holds of an inode's metadata is good only as long as the inode's
//! cluster lock wasn't lost. [`Known`] remembers the blocks that were read since it was granted;
//! all others are read from the device again.

use super::corrupt::Failure;
use crate::{
    ondisk::{
        base::{
            error::Corrupt,
            geometry::Geometry,
            store::{Blocks, Journaled},
        },
        volume::block_check,
    },
    vfs::{block::buffer_head::BufferHead, fs::super_block::Device, jbd2::Handle},
    SuperBlock,
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*, rbtree::RBTree};

/// Blocks that were read under the present grant of a cluster lock.
pub(crate) struct Known {
    /// Which grant that is.
    generation: u64,
    blocks: RBTree<u64, ()>,
}

impl Known {
    /// Knows nothing.
    pub(crate) fn new() -> Self {
        Self {
            generation: 0,
            blocks: RBTree::new(),
        }
    }

    /// Forgets everything if the lock was granted anew since. Returns whether it was.
    pub(crate) fn validate(&mut self, generation: u64) -> bool {
        if self.generation == generation {
            return false;
        }
        self.blocks = RBTree::new();
        self.generation = generation;
        true
    }

    /// Whether this was learned under grant `generation`.
    pub(crate) fn is_of(&self, generation: u64) -> bool {
        self.generation == generation
    }

    fn read(&mut self, sb: &SuperBlock, blkno: u64, size: usize) -> Result<Block> {
        if self.blocks.get(&blkno).is_some() {
            let mut bytes = KVec::from_elem(0, size, GFP_NOFS)?;
            let bh = BufferHead::read(sb, blkno, &mut bytes)?;
            return Ok(Block { bh, bytes });
        }
        let block = Block::read_fresh(sb, blkno, size)?;
        self.add(blkno)?;
        Ok(block)
    }

    fn add(&mut self, blkno: u64) -> Result {
        self.blocks.try_create_and_insert(blkno, (), GFP_NOFS)?;
        Ok(())
    }
}

/// One block and what it held when it was read.
pub(crate) struct Block {
    bh: BufferHead,
    bytes: KVec<u8>,
}

impl Block {
    /// The snapshot.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The block number.
    pub(crate) fn blkno(&self) -> u64 {
        self.bh.blocknr()
    }

    /// Reads without looking at what is known: for blocks that no cluster lock protects, and for
    /// the first look at a volume.
    pub(crate) fn read_fresh(
        dev: &(impl Device + ?Sized),
        blkno: u64,
        size: usize,
    ) -> Result<Self> {
        let mut bytes = KVec::from_elem(0, size, GFP_NOFS)?;
        let bh = BufferHead::read_fresh(dev, blkno, &mut bytes)?;
        Ok(Self { bh, bytes })
    }

    /// Changes the block outside of the journal, on the device, and waits.
    pub(crate) fn write_sync(&mut self, sb: &SuperBlock, change: impl FnOnce(&mut [u8])) -> Result {
        change(&mut self.bytes);
        self.bh.write_sync(sb, &self.bytes)
    }
}

/// The metadata of one inode, for reading and, inside a transaction, for changing.
pub(crate) struct Store<'a> {
    sb: &'a SuperBlock,
    geo: &'a Geometry,
    known: &'a mut Known,
    handle: Option<&'a mut Handle>,
}

impl<'a> Store<'a> {
    /// To read with. The caller holds the cluster lock that `known` is kept for.
    pub(crate) fn new(sb: &'a SuperBlock, geo: &'a Geometry, known: &'a mut Known) -> Self {
        Self {
            sb,
            geo,
            known,
            handle: None,
        }
    }

    /// To change with, in the transaction of `handle`.
    pub(crate) fn with(
        sb: &'a SuperBlock,
        geo: &'a Geometry,
        known: &'a mut Known,
        handle: &'a mut Handle,
    ) -> Self {
        Self {
            sb,
            geo,
            known,
            handle: Some(handle),
        }
    }

    /// The volume that it reads from, for [`Report::on`](super::corrupt::Report::on).
    pub(crate) fn sb(&self) -> &'a SuperBlock {
        self.sb
    }

    /// The transaction; `EROFS` for a store that only reads.
    pub(crate) fn handle(&mut self) -> Result<&mut Handle> {
        self.handle.as_deref_mut().ok_or(EROFS)
    }
}

impl Blocks for Store<'_> {
    type Error = Failure;
    type Block = Block;

    fn block_size(&self) -> usize {
        self.geo.block_size()
    }

    fn blocks(&self) -> u64 {
        self.geo.blocks()
    }

    fn read(&mut self, blkno: u64) -> Result<Block, Failure> {
        if !self.geo.is_block(blkno) {
            return Err(Corrupt::new(blkno, "block number").into());
        }
        let mut block = self.known.read(self.sb, blkno, self.geo.block_size())?;
        if self
            .geo
            .features
            .has_incompat(crate::ondisk::base::features::INCOMPAT_META_ECC)
        {
            if let Some(at) = block_check::place(&block.bytes) {
                block_check::verify_and_fix(&mut block.bytes, at, blkno)?;
            }
        }
        Ok(block)
    }

    fn bytes<'b>(&'b self, block: &'b Block) -> &'b [u8] {
        &block.bytes
    }
}

impl Journaled for Store<'_> {
    fn create(&mut self, blkno: u64) -> Result<Block, Failure> {
        let bytes = KVec::from_elem(0, self.geo.block_size(), GFP_NOFS)?;
        let bh = BufferHead::create(self.sb, blkno)?;
        self.handle()?.write_new(&bh, &bytes)?;
        self.known.add(blkno)?;
        Ok(Block { bh, bytes })
    }

    fn update<R>(
        &mut self,
        block: &mut Block,
        change: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, Failure> {
        let handle = self.handle()?;
        let result = change(&mut block.bytes);
        handle.write(&block.bh, &block.bytes)?;
        Ok(result)
    }
}
