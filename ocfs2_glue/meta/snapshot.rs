// SPDX-License-Identifier: GPL-2.0-only
//! The content of one metadata block as it was read.
//!
//! A block is decoded from a snapshot, so neither the device nor a second node that writes where
//! it may not can change what was checked.

use crate::{
    ondisk::{base::features::INCOMPAT_META_ECC, volume::block_check},
    vfs::{
        block::buffer_head::{BufferHead, Source},
        fs::super_block::Device,
    },
    SuperBlock,
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*};

/// One block and what it held when it was read.
pub(crate) struct Snapshot {
    pub(super) bh: BufferHead,
    pub(super) bytes: KVec<u8>,
}

impl Snapshot {
    /// The content.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The block number.
    pub(crate) fn blkno(&self) -> u64 {
        self.bh.blocknr()
    }

    /// Reads from the device, unless this node has what is newer: for blocks that no cluster lock
    /// protects, and for the first look at a volume. Its checksum isn't looked at.
    pub(crate) fn read_fresh(
        dev: &(impl Device + ?Sized),
        blkno: u64,
        size: usize,
    ) -> Result<Self> {
        let bytes = KVec::from_elem(0, size, GFP_NOFS)?;
        Self::read_into(dev, blkno, bytes, Source::Device).map(|(snapshot, _)| snapshot)
    }

    /// Reads into `bytes`, which are as long as a block: what memory has, or if `wanted` says so
    /// the device. Also says where the content is from.
    pub(super) fn read_into(
        dev: &(impl Device + ?Sized),
        blkno: u64,
        mut bytes: KVec<u8>,
        wanted: Source,
    ) -> Result<(Self, Source)> {
        let (bh, source) = match wanted {
            Source::Memory => BufferHead::read(dev, blkno, &mut bytes)?,
            Source::Device => BufferHead::read_fresh(dev, blkno, &mut bytes)?,
        };
        Ok((Self { bh, bytes }, source))
    }

    /// Changes the block outside of the journal, on the device, and waits.
    pub(crate) fn write_sync(&mut self, sb: &SuperBlock, change: impl FnOnce(&mut [u8])) -> Result {
        change(&mut self.bytes);
        let features = &crate::volume_of(sb).geo.features;
        if features.has_incompat(INCOMPAT_META_ECC) {
            if let Some(at) = block_check::place(&self.bytes) {
                let _ = block_check::seal(&mut *self.bytes, at);
            }
        }
        self.bh.write_sync(sb, &self.bytes)
    }
}
