// SPDX-License-Identifier: GPL-2.0-only
//! Which nodes have a slot, for whoever hears that some went down.

use super::snapshot::Snapshot;
use crate::{ondisk::volume::slot_map::SlotMap, SuperBlock};
use kernel::prelude::*;

/// Whether one of the nodes that `is_down` knows is in the slot map. A node that unmounted took
/// itself out before it left, so the map is read without a lock.
pub(crate) fn any_has_slot(sb: &SuperBlock, is_down: &dyn Fn(u32) -> bool) -> Result<bool> {
    let volume = crate::volume_of(sb);
    let layout = SlotMap::new(&volume.geo);
    let places = volume.slot_map_blocks().ok_or(EIO)?;
    for slot in 0..layout.slots() {
        let place = layout.locate(slot).ok_or(EUCLEAN)?;
        let blkno = *places.get(place.block).ok_or(EUCLEAN)?;
        let block = Snapshot::read_fresh(sb, blkno, volume.geo.block_size())?;
        if layout.get(block.bytes(), place).is_some_and(is_down) {
            return Ok(true);
        }
    }
    Ok(false)
}
