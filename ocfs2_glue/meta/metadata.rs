// SPDX-License-Identifier: GPL-2.0-only
//! What is kept of an inode's metadata under a grant of its cluster lock.

use super::{
    corrupt::Report as _,
    guards::{ExHeld, Held},
    store::{Block, Known, Store},
};
use crate::{
    meta::inode::InodeExt,
    ondisk::{base::store::Blocks, extent::tree::Mapping, inode::dinode::Dinode},
    vfs::jbd2::Handle,
    Inode, SuperBlock,
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
    /// Decodes the block again, after it was changed.
    pub(crate) fn reload(&mut self, sb: &SuperBlock) -> Result {
        let geo = &crate::volume_of(sb).geo;
        self.dinode = Dinode::decode(self.block.bytes(), self.block.blkno(), geo).on(sb)?;
        Ok(())
    }
}

/// What is known of an inode's metadata blocks; good under its cluster lock only.
pub(crate) struct Meta {
    pub(super) known: Known,
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
            known: Known::new(),
            root: None,
            last: None,
            fresh: 0..0,
        }
    }

    /// The dinode and the store, for reading. These must be the inode's of `held`: `EINVAL`.
    pub(crate) fn read<'a>(&'a mut self, held: &'a Held<'_>) -> Result<(Store<'a>, &'a mut Root)> {
        self.open(held.inode(), None)
    }

    /// The same, for changes in the transaction of `handle`.
    pub(crate) fn change<'a>(
        &'a mut self,
        held: &'a ExHeld<'_>,
        handle: &'a mut Handle,
    ) -> Result<(Store<'a>, &'a mut Root)> {
        let inode = held.inode();
        inode.data().get_ref().changed_in(handle.tid());
        self.last = None;
        self.open(inode, Some(handle))
    }

    fn open<'a>(
        &'a mut self,
        inode: &'a Inode,
        handle: Option<&'a mut Handle>,
    ) -> Result<(Store<'a>, &'a mut Root)> {
        let volume = inode.volume();
        if self.known.validate(inode.locks()?.meta.generation()) {
            self.root = None;
            self.last = None;
        }
        let geo = &volume.geo;
        let mut store = match handle {
            Some(handle) => Store::with(inode.sb(), geo, &mut self.known, handle),
            None => Store::new(inode.sb(), geo, &mut self.known),
        };
        let root = match &mut self.root {
            Some(root) if root.block.blkno() != inode.ino() => return Err(EINVAL),
            Some(root) => root,
            none => {
                let block = store.read(inode.ino()).on(inode.sb())?;
                let dinode = Dinode::decode(block.bytes(), inode.ino(), geo).on(inode.sb())?;
                none.insert(Root { block, dinode })
            }
        };
        Ok((store, root))
    }
}
