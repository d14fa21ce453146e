// SPDX-License-Identifier: GPL-2.0-only
//! Room on the volume: the global bitmap and this node's suballocators.
//!
//! # Order
//!
//! `inode_alloc`, then `extent_alloc`, then `global_bitmap`; each first its cluster lock, then its
//! metadata mutex, which is of a class of its own (see [`InodeExt::hold_while_changing`]). All of
//! them before a journal handle is begun, never inside one: what a transaction takes was found
//! before it, and nothing in it can wait for another node or run out of room.

use crate::{
    meta::{
        corrupt::Report as _,
        guards::ExHeld,
        inode::InodeExt,
        log::Log,
        metadata::{Meta, Root},
        store::Store,
    },
    ondisk::{
        alloc::{
            chain::{self, Found},
            group::Run,
            suballoc::{Claims, Reserve},
        },
        base::{
            geometry::Geometry,
            store::{ExtentBlockSource, Suballoc},
        },
        extent::list::ExtentRec,
    },
    txn::Reserve as _,
    vfs::fs::folio::NoFolio,
    volume::mounted::Mounted,
    Inode, InodeRef,
};
use kernel::{
    prelude::*,
    sync::{
        lock::{mutex::MutexBackend, Guard},
        Arc,
    },
};

/// An allocator that this task has for itself. The mutex goes first, then the cluster lock.
pub(crate) struct Locked<'a> {
    meta: Guard<'a, Meta, MutexBackend>,
    held: ExHeld<'a>,
}

impl<'a> Locked<'a> {
    /// Keeps all others away from the allocator of `inode`, on this node and elsewhere.
    pub(crate) fn lock(inode: &'a InodeRef, wait: &NoFolio) -> Result<Self> {
        let held = inode.lock_exclusive(wait)?;
        let mut meta = inode.meta();
        meta.let_go();
        Ok(Self { meta, held })
    }
    fn geo(&self) -> &Geometry {
        &self.held.inode().volume().geo
    }

    /// Looks for `want` clusters in a row, at least `min`; the best beginning is block `goal`.
    pub(crate) fn find_clusters(
        &mut self,
        want: u16,
        min: u16,
        goal: Option<u64>,
    ) -> Result<Option<Found>> {
        let geo = *self.geo();
        let (mut store, root) = self.meta.plan(&self.held)?;
        chain::Allocator::clusters(&geo)
            .find(&mut store, &root.block, want, min, goal)
            .on(self.held.sb())
    }

    /// Takes what [`Locked::find_clusters`] found.
    pub(crate) fn claim_clusters(&mut self, log: &mut Log, found: &Found) -> Result {
        let geo = *self.geo();
        let (mut store, root) = self.meta.change(&self.held, log)?;
        chain::Allocator::clusters(&geo)
            .claim(&mut store, &mut root.block, found)
            .on(self.held.sb())
    }

    /// Gives the clusters of an extent back.
    pub(super) fn free_clusters(&mut self, log: &mut Log, rec: &ExtentRec) -> Result {
        let geo = *self.geo();
        let clusters = u16::try_from(rec.clusters).map_err(|_| EINVAL)?;
        let first = geo.block_to_cluster(rec.blkno).ok_or(EINVAL)?;
        let (mut store, root) = self.meta.change(&self.held, log)?;
        chain::Allocator::clusters(&geo)
            .free_clusters(&mut store, &mut root.block, first, clusters)
            .on(self.held.sb())
    }

    /// Gives a block of this suballocator back.
    pub(super) fn free_block(&mut self, log: &mut Log, block: &Suballoc) -> Result {
        let geo = *self.geo();
        let group = match block.loc {
            0 => block.blkno.checked_sub(block.bit.into()).ok_or(EINVAL)?,
            group => group,
        };
        let run = Run {
            bit: block.bit,
            bits: 1,
        };
        let (mut store, root) = self.meta.change(&self.held, log)?;
        chain::Allocator::blocks(&geo)
            .free(&mut store, &mut root.block, group, run)
            .on(self.held.sb())
    }

    /// Looks for `count` blocks of a suballocator, and has it grow if there aren't as many.
    pub(crate) fn reserve_blocks(
        &mut self,
        count: u16,
        mounted: &Arc<Mounted>,
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
        let (mut store, root) = self.meta.plan(&self.held)?;
        let alloc = chain::Allocator::blocks(&geo);
        // One that has no group yet has no free bits either.
        let free = alloc.free_bits(&store, &root.block).on(self.held.sb())?;
        if free < u32::from(count) {
            return Ok(None);
        }
        Reserve::find(&mut store, &alloc, &root.block, count).on(self.held.sb())
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
        let (mut store, root) = self.meta.plan(&self.held)?;
        let alloc = chain::Allocator::clusters(&geo);
        Reserve::find(&mut store, &alloc, &root.block, count).on(self.held.sb())
    }

    /// Adds a block group, in a transaction of its own.
    fn grow(&mut self, mounted: &Arc<Mounted>, wait: &NoFolio) -> Result {
        let geo = *self.geo();
        let alloc = chain::Allocator::blocks(&geo);
        let clusters = {
            let (store, root) = self.meta.plan(&self.held)?;
            alloc
                .group_clusters(store.content(&root.block))
                .on(self.held.sb())?
        };
        let mut bitmap = Locked::lock(mounted.bitmap(), wait)?;
        let found = bitmap.find_group(clusters)?.ok_or(ENOSPC)?;
        let mut pieces = KVec::with_capacity(found.runs().len(), GFP_KERNEL)?;
        for run in found.runs() {
            pieces.push(run.piece(), GFP_KERNEL)?;
        }
        // The bitmap's dinode and a group of its for each piece; the new group and this dinode.
        let mut txn = mounted.reserve(3 + pieces.len() as u32)?;
        txn.change(|log| {
            for run in found.runs() {
                bitmap.claim_clusters(log, run)?;
            }
            let held = &self.held;
            let (mut store, root) = self.meta.change(held, log)?;
            alloc
                .add_group_of(&mut store, &mut root.block, &pieces)
                .on(self.held.sb())?;
            root.reload(&store)?;
            let (size, used) = (root.dinode.size, root.dinode.clusters);
            Inode::set_size(held, size as i64);
            Inode::set_blocks(held, held.inode().volume().sectors(used));
            Ok(())
        })?;
        txn.end()
    }

    /// Takes one block of `reserve`.
    pub(crate) fn claim_block(
        &mut self,
        log: &mut Log,
        reserve: &mut Reserve,
        slot: u16,
    ) -> Result<Suballoc> {
        let geo = *self.geo();
        let (mut store, root): (Store<'_>, &mut Root) = self.meta.change(&self.held, log)?;
        let alloc = chain::Allocator::blocks(&geo);
        Claims {
            alloc,
            dinode: &mut root.block,
            slot,
            reserve,
        }
        .claim(&mut store)
        .on(self.held.sb())
    }
}
