// SPDX-License-Identifier: GPL-2.0-only
//! Metadata blocks in the kernel: the traits of [`ondisk::base::store`](crate::ondisk::base::store)
//! over the inode's cache and jbd2.

use super::{cache::Cache, corrupt::Failure, log::Log, snapshot::Snapshot};
use crate::{
    ondisk::{
        base::{
            bytes::BlockMut,
            error::Corrupt,
            features::INCOMPAT_META_ECC,
            geometry::Geometry,
            store::{Blocks, Checked, Journaled},
        },
        volume::block_check,
    },
    vfs::block::buffer_head::{BufferHead, Source},
    SuperBlock,
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*};

pub(crate) use super::cache::Block;

/// The metadata of one inode, for reading and, inside a transaction, for changing.
pub(crate) struct Store<'a> {
    sb: &'a SuperBlock,
    geo: &'a Geometry,
    cache: &'a mut Cache,
    log: Option<&'a mut Log>,
}

impl<'a> Store<'a> {
    /// The caller holds the cluster lock that `cache` is kept for. Without `log` it only reads.
    pub(super) fn new(sb: &'a SuperBlock, cache: &'a mut Cache, log: Option<&'a mut Log>) -> Self {
        Self {
            sb,
            geo: &crate::volume_of(sb).geo,
            cache,
            log,
        }
    }

    /// The volume that it reads from, for [`Report::on`](super::corrupt::Report::on).
    pub(crate) fn sb(&self) -> &'a SuperBlock {
        self.sb
    }

    /// The transaction; `EROFS` for a store that only reads.
    pub(crate) fn log(&mut self) -> Result<&mut Log> {
        self.log.as_deref_mut().ok_or(EROFS)
    }

    /// The content of a block.
    pub(crate) fn content(&self, block: &Block) -> &[u8] {
        self.cache
            .entry(block)
            .map_or(&[], |entry| entry.snapshot.bytes())
    }

    /// Drops a block that was freed, and so isn't this inode's any more.
    pub(crate) fn forget(&mut self, blkno: u64) {
        let bytes = self.cache.forget(blkno);
        self.give_back(bytes);
    }

    /// Writes a block that was just allocated and isn't this inode's, as a new inode's dinode:
    /// `init` makes its content from zeroes.
    pub(crate) fn write_foreign(
        &mut self,
        blkno: u64,
        init: impl FnOnce(&mut BlockMut<'_>),
    ) -> Result {
        let mut bytes = self.buffer()?;
        bytes.fill(0);
        init(&mut BlockMut::new(&mut bytes));
        let bh = BufferHead::create(self.sb, blkno)?;
        let log = self.log()?;
        log.handle.write_new(&bh, log.triggers(), &bytes)?;
        self.give_back(Some(bytes));
        Ok(())
    }

    /// Memory for a block. In a transaction it was allocated before.
    fn buffer(&mut self) -> Result<KVec<u8>> {
        if let Some(spare) = self.log.as_mut().and_then(|log| log.spares.pop()) {
            return Ok(spare);
        }
        match KVec::from_elem(0, self.geo.block_size(), GFP_NOFS) {
            Ok(new) => Ok(new),
            Err(_) => self.cache.evict().ok_or(ENOMEM),
        }
    }

    /// Keeps memory that isn't needed any more for the rest of the transaction.
    fn give_back(&mut self, bytes: Option<KVec<u8>>) {
        if let (Some(bytes), Some(log)) = (bytes, self.log.as_mut()) {
            let _ = log.spares.push_within_capacity(bytes);
        }
    }

    fn verify(&self, snapshot: &mut Snapshot, blkno: u64) -> Result<(), Corrupt> {
        if self.geo.features.has_incompat(INCOMPAT_META_ECC) {
            if let Some(at) = block_check::place(&snapshot.bytes) {
                block_check::verify_and_fix(&mut snapshot.bytes, at, blkno)?;
            }
        }
        Ok(())
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
        if let Some(block) = self.cache.find(blkno) {
            return Ok(block);
        }
        if !self.geo.is_block(blkno) {
            return Err(Corrupt::new(blkno, "block number").into());
        }
        let wanted = match self.cache.was_read(blkno) {
            true => Source::Memory,
            false => Source::Device,
        };
        let bytes = self.buffer()?;
        let (mut snapshot, source) = Snapshot::read_into(self.sb, blkno, bytes, wanted)?;
        // What this node has changed gets its checksum when the journal takes it.
        if source == Source::Device {
            self.verify(&mut snapshot, blkno)?;
        }
        Ok(self.cache.insert(blkno, snapshot)?)
    }

    fn bytes<'b>(&'b self, block: &'b Block) -> &'b [u8] {
        self.content(block)
    }

    fn is_checked(&self, block: &Block, what: Checked) -> bool {
        self.cache.entry(block).is_some_and(|e| e.is_checked(what))
    }

    fn set_checked(&self, block: &Block, what: Checked) {
        if let Some(entry) = self.cache.entry(block) {
            entry.set_checked(what);
        }
    }

    fn release(&mut self, block: Block) {
        let bytes = self.cache.release(block);
        self.give_back(bytes);
    }
}

impl Journaled for Store<'_> {
    fn create(&mut self, blkno: u64) -> Result<Block, Failure> {
        // What was there before is another structure's.
        let old = self.cache.forget(blkno);
        self.give_back(old);
        let mut bytes = self.buffer()?;
        bytes.fill(0);
        let bh = BufferHead::create(self.sb, blkno)?;
        let log = self.log()?;
        log.handle.write_new(&bh, log.triggers(), &bytes)?;
        Ok(self.cache.insert(blkno, Snapshot { bh, bytes })?)
    }

    fn update<R>(
        &mut self,
        block: &mut Block,
        change: impl FnOnce(&mut BlockMut<'_>) -> R,
    ) -> Result<R, Failure> {
        let log = self.log.as_deref_mut().ok_or(EROFS)?;
        let entry = self.cache.entry_mut(block).ok_or(EIO)?;
        let Snapshot { bh, bytes } = &mut entry.snapshot;
        let triggers = log.triggers();
        let result = log.handle.change(bh, triggers, |editor| {
            let mut edit = BlockMut::new(bytes);
            let result = change(&mut edit);
            for &(begin, end) in edit.changed() {
                editor.put(begin, edit.slice(begin, end));
            }
            result
        })?;
        Ok(result)
    }
}
