// SPDX-License-Identifier: GPL-2.0-only
//! The slot map: which node has which slot (the data of the system file `slot_map`).
//!
//! Two formats: `struct ocfs2_slot_map`, two bytes a slot, in the file's first block; and, with the
//! extended-slotmap feature, `struct ocfs2_slot_map_extended`, eight bytes a slot over as many
//! blocks as it takes. `srctree/fs/ocfs2/ocfs2_fs.h`, `srctree/fs/ocfs2/slot_map.c`.
//!
//! The super lock protects the map: PR to read it, EX to change it. It is written straight to
//! disk, past the journal, because a node needs a slot before it has a journal.

use super::base::bytes::{get_u16, get_u32, get_u8, put, put_u16, put_u32, BlockBytes};
use super::base::error::{Corrupt, Result};
use super::base::features::INCOMPAT_EXTENDED_SLOT_MAP;
use super::base::geometry::{Geometry, INVALID_SLOT};

/// Size of one `__le16` of `sm_slots`.
const OLD_SLOT: usize = 2;
/// Size of `struct ocfs2_extended_slot`.
const EXTENDED_SLOT: usize = 8;
const ES_VALID: usize = 0;
const ES_NODE_NUM: usize = 4;

/// Layout of a volume's slot map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotMap {
    extended: bool,
    slots: u16,
    block_bits: u32,
}

/// Where one slot is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPos {
    /// Block of the file, from 0.
    pub block: usize,
    /// Byte within that block.
    pub offset: usize,
}

/// Which slot a node that mounts should take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The map says that this node has this slot already: it went down without giving it back,
    /// and the slot's journal must be replayed.
    Ours(u16),
    /// This slot is free.
    Free(u16),
    /// Every slot is taken.
    Full,
}

impl SlotMap {
    /// The layout that the volume's features call for.
    pub fn new(fs: &Geometry) -> Self {
        Self {
            extended: fs.features.has_incompat(INCOMPAT_EXTENDED_SLOT_MAP),
            slots: fs.max_slots,
            block_bits: fs.block_bits(),
        }
    }

    const fn slot_size(&self) -> usize {
        if self.extended {
            EXTENDED_SLOT
        } else {
            OLD_SLOT
        }
    }

    /// Number of slots.
    pub fn slots(&self) -> u16 {
        self.slots
    }

    /// Bytes of the file that the map takes.
    pub fn bytes(&self) -> usize {
        usize::from(self.slots) * self.slot_size()
    }

    /// Blocks of the file that the map takes, at most 4.
    pub fn blocks(&self) -> usize {
        self.bytes().div_ceil(1 << self.block_bits)
    }

    /// Checks the size of the `slot_map` file, whose dinode is at `blkno`.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the map doesn't fit the file.
    pub fn check_file(&self, blkno: u64, i_size: u64) -> Result<()> {
        if i_size < self.bytes() as u64 {
            return Err(Corrupt::new(blkno, "slot_map: ocfs2_dinode.i_size"));
        }
        Ok(())
    }

    /// Where `slot` is; `None` if the volume hasn't so many.
    pub fn locate(&self, slot: u16) -> Option<EntryPos> {
        if slot >= self.slots {
            return None;
        }
        // Both the slot's and the block's size are powers of two: no slot straddles two blocks.
        let at = usize::from(slot) * self.slot_size();
        let block = at >> self.block_bits;
        Some(EntryPos {
            block,
            offset: at - (block << self.block_bits),
        })
    }

    /// Node that has the slot at `place`, or `None` for a free slot.
    ///
    /// `block` is block `place.block` of the file. Past its end everything is free.
    pub fn get(&self, block: &[u8], place: EntryPos) -> Option<u32> {
        let at = place.offset;
        if self.extended {
            if get_u8(block, at.checked_add(ES_VALID)?)? == 0 {
                return None;
            }
            return get_u32(block, at.checked_add(ES_NODE_NUM)?);
        }
        get_u16(block, at)
            .filter(|&node| node != INVALID_SLOT)
            .map(u32::from)
    }

    /// Gives the slot at `place` to `node`, or frees it; the other slots stay as they are.
    ///
    /// `None`, and nothing is written, if the node number doesn't fit the format (only numbers
    /// below 65535 fit the old one) or `place` isn't in the block.
    pub fn set(
        &self,
        block: &mut (impl BlockBytes + ?Sized),
        place: EntryPos,
        node: Option<u32>,
    ) -> Option<()> {
        let at = place.offset;
        if !self.extended {
            let value = match node {
                Some(node) => u16::try_from(node)
                    .ok()
                    .filter(|&node| node != INVALID_SLOT)?,
                None => INVALID_SLOT,
            };
            return put_u16(block, at, value);
        }
        let valid = at.checked_add(ES_VALID)?;
        match node {
            Some(node) => {
                put_u32(block, at.checked_add(ES_NODE_NUM)?, node)?;
                put(block, valid, &[1])
            }
            // The number stays, for people who look at the disk.
            None => put(block, valid, &[0]),
        }
    }
}

/// Picks the slot for node `node`: the one it has, else the preferred one if that is free, else
/// the first that is.
///
/// `taken` yields for each slot in order the node that has it ([`SlotMap::get`]).
pub fn choose(
    taken: impl Iterator<Item = Option<u32>> + Clone,
    node: u32,
    preferred: Option<u16>,
) -> Choice {
    let slots = || taken.clone().zip(0u16..);
    if let Some((_, slot)) = slots().find(|(owner, _)| *owner == Some(node)) {
        return Choice::Ours(slot);
    }
    let mut free = slots()
        .filter(|(owner, _)| owner.is_none())
        .map(|(_, slot)| slot);
    let wanted = free.clone().find(|&slot| Some(slot) == preferred);
    match wanted.or_else(|| free.next()) {
        Some(slot) => Choice::Free(slot),
        None => Choice::Full,
    }
}
