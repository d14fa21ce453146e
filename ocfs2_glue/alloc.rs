// SPDX-License-Identifier: GPL-2.0-only
//! Room on the volume: the global bitmap and this node's suballocators.
//!
//! # Order
//!
//! `inode_alloc`, then `extent_alloc`, then `global_bitmap`; each first its cluster lock, then its
//! mutex. All of them before a journal handle is begun, never inside one: what a transaction takes
//! was found before it, and nothing in it can wait for another node or run out of room.

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
    },
    store::Store,
    vfs::{folio::NoFolio, jbd2::Handle},
    Inode,
};
use kernel::{
    prelude::*,
    sync::{aref::ARef, lock::mutex::MutexBackend, lock::Guard, Mutex},
};

/// One allocator's inode.
#[pin_data]
pub(crate) struct Allocator {
    inode: ARef<Inode>,
    /// Its metadata. Not the inode's own mutex, which is innermost: this one is held while a
    /// transaction begins.
    #[pin]
    meta: Mutex<Meta>,
}

impl Allocator {
    /// `meta` comes from `new_mutex!` at a place of its own, for a lock class of its own.
    pub(crate) fn new(inode: ARef<Inode>, meta: impl PinInit<Mutex<Meta>>) -> impl PinInit<Self> {
        pin_init!(Self { inode, meta <- meta })
    }

    /// The inode.
    pub(crate) fn inode(&self) -> &Inode {
        &self.inode
    }

    /// Keeps all others away, on this node and elsewhere.
    pub(crate) fn lock(&self, wait: &NoFolio) -> Result<Locked<'_>> {
        let held = self.inode.lock_cluster(Mode::Ex, wait)?;
        Ok(Locked {
            allocator: self,
            meta: self.meta.lock(),
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

    /// Adds a block group, in a transaction of its own.
    fn grow(&mut self, mounted: &Mounted, wait: &NoFolio) -> Result {
        let geo = *self.geo();
        let alloc = chain::Allocator::blocks(&geo);
        let clusters = {
            let (_, root) = self.meta.read(self.allocator.inode())?;
            alloc.group_clusters(root.block.bytes())?
        };
        let mut bitmap = mounted.bitmap().lock(wait)?;
        let found = bitmap
            .find_clusters(clusters, clusters, None)?
            .ok_or(ENOSPC)?;
        let cluster = geo.block_to_cluster(found.blkno).ok_or(EUCLEAN)?;
        // The bitmap's group and dinode, the new group and this dinode.
        let mut handle = mounted.journal().start(4)?;
        bitmap.claim_clusters(&mut handle, &found)?;
        let (mut store, root) = self.meta.change(self.allocator.inode(), &mut handle)?;
        alloc.add_group(&mut store, &mut root.block, cluster)?;
        let inode = self.allocator.inode();
        root.reload(&geo)?;
        let (size, used) = (root.dinode.size, root.dinode.clusters);
        inode.set_size(size as i64);
        inode.set_blocks(inode.volume().sectors(used));
        // Its own copy of the dinode, which the value block is made from, is old now.
        inode.forget();
        handle.stop()
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

/// Extent blocks for a tree that may grow: from the suballocator, or none because it won't.
pub(crate) struct TreeBlocks<'a, 'b> {
    /// The locked suballocator and what was found in it.
    pub(crate) from: Option<(&'a mut Locked<'b>, &'a mut Reserve)>,
    /// The slot that both belong to.
    pub(crate) slot: u16,
}

impl ExtentBlockSource<Store<'_>> for TreeBlocks<'_, '_> {
    /// The allocator's blocks are read and changed under its own lock, not the file's, so `store`
    /// only lends its transaction.
    fn claim(&mut self, store: &mut Store<'_>) -> Result<Suballoc> {
        let (locked, reserve) = self.from.as_mut().ok_or(EIO)?;
        locked.claim_block(store.handle()?, reserve, self.slot)
    }
}
