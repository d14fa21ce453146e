// SPDX-License-Identifier: GPL-2.0-only
//! Room on the volume: the global bitmap and this node's suballocators.
//!
//! # Order
//!
//! `inode_alloc`, then `extent_alloc`, then `global_bitmap`; each first its cluster lock, then its
//! metadata mutex, which is of a class of its own (see [`Inode::hold_while_changing`]). All of them
//! before a journal handle is begun, never inside one: what a transaction takes was found before
//! it, and nothing in it can wait for another node or run out of room.

use crate::{
    inode::{Meta, Root},
    lock::Held,
    lockres::Mode,
    mount::Mounted,
    ondisk::{
        chain::{self, Found},
        geometry::Geometry,
        store::{ExtentBlockSource, Suballoc},
        suballoc::{Claims, Reserve},
        tree::{Mapped, Tree},
    },
    store::Store,
    vfs::{folio::NoFolio, jbd2::Handle},
    InodeRef,
};
use kernel::{
    prelude::*,
    sync::{lock::mutex::MutexBackend, lock::Guard, Mutex},
};

/// One allocator's inode.
pub(crate) struct Allocator {
    inode: InodeRef,
}

impl Allocator {
    /// `meta` comes from `new_mutex!` at a place of its own, for a lock class of its own.
    pub(crate) fn new(inode: InodeRef, meta: impl PinInit<Mutex<Meta>>) -> Result<Self> {
        inode.hold_while_changing(meta)?;
        Ok(Self { inode })
    }

    /// The inode.
    pub(crate) fn inode(&self) -> &InodeRef {
        &self.inode
    }

    /// Keeps all others away, on this node and elsewhere.
    pub(crate) fn lock(&self, wait: &NoFolio) -> Result<Locked<'_>> {
        let held = self.inode.lock_cluster(Mode::Ex, wait)?;
        Ok(Locked {
            allocator: self,
            meta: self.inode.meta(),
            _held: held,
        })
    }
}

/// An allocator that this task has for itself. The mutex goes first, then the cluster lock.
pub(crate) struct Locked<'a> {
    allocator: &'a Allocator,
    meta: Guard<'a, Meta, MutexBackend>,
    _held: Held,
}

impl Locked<'_> {
    fn geo(&self) -> &Geometry {
        &self.allocator.inode().volume().geo
    }

    /// Looks for `want` clusters in a row, at least `min`; the best beginning is block `goal`.
    pub(crate) fn find_clusters(
        &mut self,
        want: u16,
        min: u16,
        goal: Option<u64>,
    ) -> Result<Option<Found>> {
        let geo = *self.geo();
        let (mut store, root) = self.meta.read(self.allocator.inode())?;
        chain::Allocator::clusters(&geo).find(&mut store, &root.block, want, min, goal)
    }

    /// Takes what [`Locked::find_clusters`] found.
    pub(crate) fn claim_clusters(&mut self, handle: &mut Handle, found: &Found) -> Result {
        let geo = *self.geo();
        let (mut store, root) = self.meta.change(self.allocator.inode(), handle)?;
        chain::Allocator::clusters(&geo).claim(&mut store, &mut root.block, found)
    }

    /// Looks for `count` blocks of a suballocator, and has it grow if there aren't as many.
    pub(crate) fn reserve_blocks(
        &mut self,
        count: u16,
        mounted: &Mounted,
        wait: &NoFolio,
    ) -> Result<Reserve> {
        if let Some(reserve) = self.find_blocks(count)? {
            return Ok(reserve);
        }
        self.grow(mounted, wait)?;
        self.find_blocks(count)?.ok_or(ENOSPC)
    }

    fn find_blocks(&mut self, count: u16) -> Result<Option<Reserve>> {
        let geo = *self.geo();
        let (mut store, root) = self.meta.read(self.allocator.inode())?;
        let alloc = chain::Allocator::blocks(&geo);
        // One that has no group yet has no free bits either.
        if alloc.decode(root.block.bytes())?.free() < u32::from(count) {
            return Ok(None);
        }
        Reserve::find(&mut store, &alloc, &root.block, count)
    }

    /// Looks for the clusters of a block group: in a row, or on a volume that allows it in pieces.
    fn find_group(&mut self, count: u16) -> Result<Option<Reserve>> {
        if let Some(found) = self.find_clusters(count, count, None)? {
            return Ok(Some(Reserve::of(found)));
        }
        let geo = *self.geo();
        if !geo.discontig_bg() {
            return Ok(None);
        }
        let (mut store, root) = self.meta.read(self.allocator.inode())?;
        let alloc = chain::Allocator::clusters(&geo);
        Reserve::find(&mut store, &alloc, &root.block, count)
    }

    /// Adds a block group, in a transaction of its own.
    fn grow(&mut self, mounted: &Mounted, wait: &NoFolio) -> Result {
        let geo = *self.geo();
        let alloc = chain::Allocator::blocks(&geo);
        let clusters = {
            let (_, root) = self.meta.read(self.allocator.inode())?;
            alloc.group_clusters(root.block.bytes())?
        };
        let mut bitmap = mounted.bitmap().lock(wait)?;
        let found = bitmap.find_group(clusters)?.ok_or(ENOSPC)?;
        let mut pieces = KVec::with_capacity(found.runs().len(), GFP_KERNEL)?;
        for run in found.runs() {
            pieces.push(run.piece(), GFP_KERNEL)?;
        }
        // The bitmap's dinode and a group of its for each piece; the new group and this dinode.
        mounted.change(3 + pieces.len() as u32, |handle| {
            for run in found.runs() {
                bitmap.claim_clusters(handle, run)?;
            }
            let inode = self.allocator.inode();
            let (mut store, root) = self.meta.change(inode, handle)?;
            alloc.add_group_of(&mut store, &mut root.block, &pieces)?;
            root.reload(&geo)?;
            let (size, used) = (root.dinode.size, root.dinode.clusters);
            inode.set_size(size as i64);
            inode.set_blocks(inode.volume().sectors(used));
            Ok(())
        })
    }

    /// Takes one block of `reserve`.
    pub(crate) fn claim_block(
        &mut self,
        handle: &mut Handle,
        reserve: &mut Reserve,
        slot: u16,
    ) -> Result<Suballoc> {
        let geo = *self.geo();
        let (mut store, root): (Store<'_>, &mut Root) =
            self.meta.change(self.allocator.inode(), handle)?;
        let alloc = chain::Allocator::blocks(&geo);
        Claims {
            alloc,
            dinode: &mut root.block,
            slot,
            reserve,
        }
        .claim(&mut store)
    }
}

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
            .lookup(store, &root.block, before)?
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
        mounted: &'a Mounted,
        blocks: u16,
        cluster: Cluster,
        wait: &NoFolio,
    ) -> Result<Self> {
        let extents = match blocks {
            0 => None,
            _ => {
                let mut alloc = mounted.extent_alloc().lock(wait)?;
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
                let mut bitmap = mounted.bitmap().lock(wait)?;
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
        bitmap.claim_clusters(store.handle()?, found)?;
        Ok(found.blkno)
    }

    /// Takes an extent block, in the transaction of `store`.
    pub(crate) fn claim_block(&mut self, store: &mut Store<'_>) -> Result<Suballoc> {
        let (alloc, reserve) = self.extents.as_mut().ok_or(EIO)?;
        alloc.claim_block(store.handle()?, reserve, self.slot)
    }
}

/// For a tree that may grow. The allocator's blocks are read and changed under its own lock, not
/// the file's, so `store` only lends its transaction.
impl ExtentBlockSource<Store<'_>> for Resources<'_> {
    fn claim(&mut self, store: &mut Store<'_>) -> Result<Suballoc> {
        self.claim_block(store)
    }
}
