// SPDX-License-Identifier: GPL-2.0-only
//! Which nodes have a slot, for the work that looks for nodes that went down.

use super::{inode::InodeExt, snapshot::Snapshot};
use crate::{
    cluster::members::SlotOwners, ondisk::volume::slot_map::SlotMap, vfs::fs::inode::Backref,
    Inode, Ocfs2,
};
use kernel::prelude::*;

/// By way of the slot map's inode, which stays in memory until unmount.
impl SlotOwners for Backref<Ocfs2> {
    fn any_has_slot(&self, is_suspect: &dyn Fn(u32) -> bool) -> Option<Result<bool>> {
        self.with(|inode| any_has_slot(inode, is_suspect))
    }
}

/// A node that unmounted took itself out of the map before it left, so the map is read without a
/// lock.
fn any_has_slot(inode: &Inode, is_suspect: &dyn Fn(u32) -> bool) -> Result<bool> {
    let volume = inode.volume();
    let layout = SlotMap::new(&volume.geo);
    let places = volume.slot_map_blocks().ok_or(EIO)?;
    for slot in 0..layout.slots() {
        let place = layout.locate(slot).ok_or(EUCLEAN)?;
        let blkno = *places.get(place.block).ok_or(EUCLEAN)?;
        let block = Snapshot::read_fresh(inode.sb(), blkno, volume.geo.block_size())?;
        if layout.get(block.bytes(), place).is_some_and(is_suspect) {
            return Ok(true);
        }
    }
    Ok(false)
}
