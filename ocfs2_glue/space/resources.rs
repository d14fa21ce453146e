// SPDX-License-Identifier: GPL-2.0-only
//! What one change needs of the volume's room, found before its transaction.

use super::allocator::Locked;
use crate::{
    meta::{
        corrupt::{Failure, Report as _},
        metadata::Root,
        store::Store,
    },
    ondisk::{
        alloc::{chain::Found, suballoc::Reserve},
        base::{
            geometry::Geometry,
            store::{ExtentBlockSource, Suballoc},
        },
        extent::{
            list::{ExtentRec, MAX_TREE_DEPTH},
            tree::{Mapped, Tree},
        },
    },
    vfs::fs::folio::NoFolio,
    volume::mounted::Mounted,
};
use kernel::{prelude::*, sync::Arc};

/// What a change needs in the way of clusters.
#[derive(Clone, Copy)]
pub(crate) enum Cluster {
    /// None.
    No,
    /// One, wherever it is.
    Any,
    /// One, best at this block.
    At(u64),
}

impl Cluster {
    /// One for cluster `cpos` of a file: best right behind the cluster before it.
    pub(crate) fn behind(
        store: &mut Store<'_>,
        root: &Root,
        geo: &Geometry,
        cpos: u32,
    ) -> Result<Self> {
        let Some(before) = cpos.checked_sub(1) else {
            return Ok(Self::Any);
        };
        match Tree::of_dinodes(geo)
            .lookup(store, &root.block, before)
            .on(store.sb())?
            .what
        {
            Mapped::Extent { blkno, .. } => Ok(Self::At(blkno + geo.clusters_to_blocks(1))),
            Mapped::Hole => Ok(Self::Any),
        }
    }
}

/// Room on the volume for one change, found and locked before its transaction.
pub(crate) struct Resources<'a> {
    slot: u16,
    extents: Option<(Locked<'a>, Reserve)>,
    bitmap: Option<(Locked<'a>, Found)>,
}

impl<'a> Resources<'a> {
    /// Finds `blocks` blocks of the extent allocator, and `cluster`.
    ///
    /// # Errors
    ///
    /// `ENOSPC`; those of reading and of waiting for the cluster.
    pub(crate) fn find(
        mounted: &'a Arc<Mounted>,
        blocks: u16,
        cluster: Cluster,
        wait: &NoFolio,
    ) -> Result<Self> {
        let extents = match blocks {
            0 => None,
            _ => {
                let mut alloc = Locked::lock(mounted.extent_alloc(), wait)?;
                let reserve = alloc.reserve_blocks(blocks, mounted, wait)?;
                Some((alloc, reserve))
            }
        };
        let goal = match cluster {
            Cluster::At(blkno) => Some(blkno),
            Cluster::Any | Cluster::No => None,
        };
        let bitmap = match cluster {
            Cluster::No => None,
            Cluster::Any | Cluster::At(_) => {
                let mut bitmap = Locked::lock(mounted.bitmap(), wait)?;
                let found = bitmap.find_clusters(1, 1, goal)?.ok_or(ENOSPC)?;
                Some((bitmap, found))
            }
        };
        Ok(Self {
            slot: mounted.slot(),
            extents,
            bitmap,
        })
    }

    /// Locks both allocators, to give back what [`Resources::free_block`] and
    /// [`Resources::free_cluster`] are told.
    pub(crate) fn to_free(mounted: &'a Arc<Mounted>, wait: &NoFolio) -> Result<Self> {
        let extents = Locked::lock(mounted.extent_alloc(), wait)?;
        let bitmap = Locked::lock(mounted.bitmap(), wait)?;
        Ok(Self {
            slot: mounted.slot(),
            extents: Some((extents, Reserve::empty())),
            bitmap: Some((bitmap, Found::NONE)),
        })
    }

    /// Blocks of allocators that one cluster and the extent blocks of one path change when they are
    /// freed: two dinodes, and a group for each.
    pub(crate) const FREE_CREDITS: u32 = 3 + MAX_TREE_DEPTH as u32;

    /// Gives an extent block back, in the transaction of `store`. One of another slot's allocator
    /// stays allocated: `EOPNOTSUPP`.
    pub(crate) fn free_block(&mut self, store: &mut Store<'_>, block: &Suballoc) -> Result {
        let (alloc, _) = self.extents.as_mut().ok_or(EIO)?;
        if block.slot != self.slot {
            return Err(EOPNOTSUPP);
        }
        alloc.free_block(store.log()?, block)
    }

    /// Gives the clusters of `rec` back, in the transaction of `store`.
    pub(crate) fn free_cluster(&mut self, store: &mut Store<'_>, rec: &ExtentRec) -> Result {
        let (bitmap, _) = self.bitmap.as_mut().ok_or(EIO)?;
        bitmap.free_clusters(store.log()?, rec)
    }

    /// Blocks of allocators that a transaction changes: group and dinode for a cluster, and for
    /// each extent block, which is itself one.
    pub(crate) fn credits(blocks: u16) -> u32 {
        2 + 3 * u32::from(blocks)
    }

    /// First block of the cluster that was found.
    pub(crate) fn cluster(&self) -> Result<u64> {
        self.bitmap
            .as_ref()
            .map(|(_, found)| found.blkno)
            .ok_or(EIO)
    }

    /// Takes the cluster, in the transaction of `store`; its first block.
    pub(crate) fn claim_cluster(&mut self, store: &mut Store<'_>) -> Result<u64> {
        let (bitmap, found) = self.bitmap.as_mut().ok_or(EIO)?;
        bitmap.claim_clusters(store.log()?, found)?;
        Ok(found.blkno)
    }

    /// Takes an extent block, in the transaction of `store`.
    pub(crate) fn claim_block(&mut self, store: &mut Store<'_>) -> Result<Suballoc> {
        let (alloc, reserve) = self.extents.as_mut().ok_or(EIO)?;
        alloc.claim_block(store.log()?, reserve, self.slot)
    }
}

/// For a tree that may grow. The allocator's blocks are read and changed under its own lock, not
/// the file's, so `store` only lends its transaction.
impl ExtentBlockSource<Store<'_>> for Resources<'_> {
    fn claim(&mut self, store: &mut Store<'_>) -> Result<Suballoc, Failure> {
        Ok(self.claim_block(store)?)
    }
}
