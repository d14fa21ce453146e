// SPDX-License-Identifier: GPL-2.0-only
//! What is kept of an inode's metadata under a grant of its cluster lock.

use super::{
    cache::Cache,
    corrupt::Report as _,
    guards::{ExHeld, Held},
    log::Log,
    store::{Block, Store},
};
use crate::{
    meta::inode::InodeExt,
    ondisk::{
        base::store::Blocks,
        extent::tree::{Mapping, RootKind},
        inode::dinode::Dinode,
    },
    SuperBlock,
};
use core::ops::Range;
use kernel::prelude::*;

/// The dinode, as read under the present grant of the inode lock.
pub(crate) struct Root {
    /// The block.
    pub(crate) block: Block,
    /// What it says.
    pub(crate) dinode: Dinode,
}

impl Root {
    /// Reads again what a change of the tree of extents changes.
    pub(crate) fn reload_clusters(&mut self, store: &Store<'_>) {
        let bytes = store.content(&self.block);
        self.dinode.clusters = RootKind::Dinode.clusters(bytes);
        self.dinode.last_eb_blk = RootKind::Dinode.last_eb(bytes);
    }

    /// Decodes the block again, after it was changed.
    pub(crate) fn reload(&mut self, store: &Store<'_>) -> Result {
        let (blkno, sb) = (self.block.blkno(), store.sb());
        let geo = &crate::volume_of(sb).geo;
        self.dinode = Dinode::decode(store.content(&self.block), blkno, geo).on(sb)?;
        Ok(())
    }
}

/// What is known of an inode's metadata blocks; good under its cluster lock only.
pub(crate) struct Meta {
    cache: Cache,
    pub(super) root: Option<Root>,
    /// The last extent or hole that was looked up.
    pub(crate) last: Option<Mapping>,
    /// Blocks of the file that were allocated for the write that is going on, so that what the
    /// device has there means nothing.
    pub(crate) fresh: Range<u64>,
}

impl Meta {
    pub(crate) fn new() -> Self {
        Self {
            cache: Cache::new(),
            root: None,
            last: None,
            fresh: 0..0,
        }
    }

    /// The dinode, if it was read under grant `generation`.
    pub(super) fn root_of(&self, generation: u64) -> Option<&Root> {
        self.root.as_ref().filter(|_| self.cache.is_of(generation))
    }

    /// The dinode and the store, for reading. These must be the inode's of `held`: `EINVAL`.
    pub(crate) fn read<'a>(&'a mut self, held: &'a Held<'_>) -> Result<(Store<'a>, &'a mut Root)> {
        self.begin(held)?;
        self.open(held.sb(), None)
    }

    /// The same, to find out what a transaction will change: what is read stays in memory until
    /// that is over, so that it needn't be read there.
    pub(crate) fn plan<'a>(
        &'a mut self,
        held: &'a ExHeld<'_>,
    ) -> Result<(Store<'a>, &'a mut Root)> {
        self.begin(held)?;
        self.cache.plan()?;
        self.open(held.sb(), None)
    }

    /// The same, for changes in the transaction of `log`.
    pub(crate) fn change<'a>(
        &'a mut self,
        held: &'a ExHeld<'_>,
        log: &'a mut Log,
    ) -> Result<(Store<'a>, &'a mut Root)> {
        held.inode().data().get_ref().changed_in(log.handle.tid());
        self.begin(held)?;
        self.open(held.sb(), Some(log))
    }

    /// What was planned is over, or doesn't come about.
    pub(crate) fn let_go(&mut self) {
        self.cache.let_go();
    }

    fn begin(&mut self, held: &Held<'_>) -> Result {
        let inode = held.inode();
        if self
            .cache
            .begin(inode.locks()?.meta.generation(), inode.ino())
        {
            self.root = None;
            self.last = None;
        }
        if self.root.is_none() {
            let sb = held.sb();
            let mut store = Store::new(sb, &mut self.cache, None);
            let block = store.read(inode.ino()).on(sb)?;
            let geo = &crate::volume_of(sb).geo;
            let dinode = Dinode::decode(store.content(&block), inode.ino(), geo).on(sb)?;
            self.root = Some(Root { block, dinode });
        }
        Ok(())
    }

    fn open<'a>(
        &'a mut self,
        sb: &'a SuperBlock,
        log: Option<&'a mut Log>,
    ) -> Result<(Store<'a>, &'a mut Root)> {
        let root = self.root.as_mut().ok_or(EIO)?;
        Ok((Store::new(sb, &mut self.cache, log), root))
    }

    /// Changes the dinode outside of the journal, on the device, and waits.
    pub(crate) fn write_sync(
        &mut self,
        held: &ExHeld<'_>,
        change: impl FnOnce(&mut [u8]),
    ) -> Result {
        self.begin(held)?;
        let root = self.root.as_mut().ok_or(EIO)?;
        let entry = self.cache.entry_mut(&root.block).ok_or(EIO)?;
        entry.snapshot.write_sync(held.sb(), change)?;
        root.reload(&Store::new(held.sb(), &mut self.cache, None))
    }
}
