// SPDX-License-Identifier: GPL-2.0-only
//! Claiming a slot and giving it back.
//!
//! The slot map is a file whose blocks are written outside of any journal, under the super lock of
//! the cluster. A slot's journal is dirty from mount to unmount.

use super::system_files;
use crate::{
    cluster::lock::{Held, Lock},
    lockres::Mode,
    meta::{corrupt::Report as _, inode::InodeExt, snapshot::Snapshot},
    namei::entries::{for_each, read_block},
    ondisk::{
        base::error::Corrupt,
        dlm::lock_name::LockName,
        inode::dinode::{Dinode, Id1, JOURNAL_DIRTY_FL},
        volume::{
            slot_map::{choose, Choice, SlotMap},
            system_inodes::SystemInode,
        },
    },
    vfs::fs::folio::NoFolio,
    volume::Volume,
    SuperBlock,
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*};

/// The super lock, held. It isn't kept beyond a change of the slot map.
struct SuperLock<'a> {
    lock: Lock,
    held: Option<Held>,
    /// Giving it up waits as well.
    wait: &'a NoFolio,
}

impl<'a> SuperLock<'a> {
    fn take(volume: &Volume, wait: &'a NoFolio) -> Result<Self> {
        let lock = Lock::plain(volume.cluster.as_ref(), LockName::super_block())?;
        let held = lock.acquire(Mode::Ex, wait);
        if held.is_err() {
            lock.shut_down(wait);
        }
        Ok(Self {
            held: Some(held?),
            lock,
            wait,
        })
    }
}

impl Drop for SuperLock<'_> {
    fn drop(&mut self) {
        drop(self.held.take());
        self.lock.shut_down(self.wait);
    }
}

/// The blocks of the slot map file.
struct Map {
    layout: SlotMap,
    blocks: KVec<Snapshot>,
}

impl Map {
    fn read(sb: &SuperBlock, wait: &NoFolio) -> Result<Self> {
        let volume = crate::volume_of(sb);
        let geo = &volume.geo;
        let layout = SlotMap::new(geo);
        let inode = system_files::inode(sb, SystemInode::SlotMap, wait)?;
        let inode_held = inode.lock_shared(wait)?;
        let mut meta = inode.meta();
        let (mut store, root) = meta.read(&inode_held)?;
        layout.check_file(inode.ino(), root.dinode.size).on(sb)?;
        let mut blocks = KVec::new();
        for index in 0..layout.blocks() {
            let at = read_block(&mut store, root, geo, index as u64)?.blkno();
            // Not from memory: other nodes write it under the super lock alone.
            blocks.push(Snapshot::read_fresh(sb, at, geo.block_size())?, GFP_NOFS)?;
        }
        Ok(Self { layout, blocks })
    }

    fn owner(&self, slot: u16) -> Option<u32> {
        let place = self.layout.locate(slot)?;
        self.layout
            .get(self.blocks.get(place.block)?.bytes(), place)
    }

    fn set(&mut self, sb: &SuperBlock, slot: u16, node: Option<u32>) -> Result {
        let place = self.layout.locate(slot).ok_or(EINVAL)?;
        let layout = self.layout;
        let block = self.blocks.get_mut(place.block).ok_or(EINVAL)?;
        let mut fits = None;
        block.write_sync(sb, |b| fits = layout.set(b, place, node))?;
        fits.ok_or(EINVAL)
    }
}

/// Where the dinodes of all slots' journals are.
struct Journals(KVec<u64>);

impl Journals {
    /// Finds them in one pass through the system directory.
    fn find(sb: &SuperBlock, slots: u16, wait: &NoFolio) -> Result<Self> {
        let dir = system_files::dir(sb, wait)?;
        let dir_held = dir.lock_shared(wait)?;
        let mut found = KVec::from_elem(0, slots.into(), GFP_NOFS)?;
        for_each(&dir_held, |entry| {
            let slot = SystemInode::journal_slot(entry.name);
            if let Some(place) = slot.and_then(|slot| found.get_mut(usize::from(slot))) {
                *place = entry.inode;
            }
        })?;
        match found.iter().position(|blkno| *blkno == 0) {
            Some(slot) => Err(system_files::missing(SystemInode::Journal(slot as u16))),
            None => Ok(Self(found)),
        }
    }

    fn blkno(&self, slot: u16) -> Result<u64> {
        self.0.get(usize::from(slot)).copied().ok_or(EINVAL)
    }

    /// Whether the journal of `slot` was left dirty. Looks at the disk, without its lock.
    fn is_dirty(&self, sb: &SuperBlock, slot: u16) -> Result<bool> {
        let geo = &crate::volume_of(sb).geo;
        let blkno = self.blkno(slot)?;
        let block = Snapshot::read_fresh(sb, blkno, geo.block_size())?;
        match Dinode::decode(block.bytes(), blkno, geo).on(sb)?.id1 {
            Id1::Journal { flags, .. } => Ok(flags & JOURNAL_DIRTY_FL != 0),
            _ => Err(Corrupt::new(blkno, "ocfs2_dinode.i_flags")).on(sb),
        }
    }

    /// Whether some node has the journal of `slot` locked, as one that mounted the volume has.
    fn is_in_use(&self, sb: &SuperBlock, slot: u16, wait: &NoFolio) -> Result<bool> {
        let volume = crate::volume_of(sb);
        let name = LockName::meta_system(self.blkno(slot)?, volume.geo.fs_generation);
        let lock = Lock::plain(volume.cluster.as_ref(), name)?;
        let held = lock.acquire_now(Mode::Ex, wait);
        let in_use = match &held {
            Ok(_) => Ok(false),
            Err(e) if *e == EAGAIN => Ok(true),
            Err(e) => Err(*e),
        };
        drop(held);
        lock.shut_down(wait);
        in_use
    }

    /// The node that has `slot`, if it lives. A node that was killed stays in the slot map until
    /// somebody recovers it, and so does one that died after it had marked its journal clean. On a
    /// local volume there is no other node.
    fn live_owner(
        &self,
        sb: &SuperBlock,
        map: &Map,
        slot: u16,
        wait: &NoFolio,
    ) -> Result<Option<u32>> {
        let ours = crate::volume_of(sb).node;
        match map.owner(slot) {
            Some(node) if node == ours || self.is_in_use(sb, slot, wait)? => Ok(Some(node)),
            _ => Ok(None),
        }
    }

    /// Refuses a volume on which a journal must be replayed that this node can't replay: one of a
    /// slot that no live node has. `ours` is left out.
    fn refuse_dead(
        &self,
        sb: &SuperBlock,
        slots: u16,
        ours: Option<u16>,
        wait: &NoFolio,
    ) -> Result {
        for slot in 0..slots {
            if Some(slot) == ours || !self.is_dirty(sb, slot)? {
                continue;
            }
            // Mounted, or about to be unmounted: the in-tree driver gives its slot back first.
            if self.is_in_use(sb, slot, wait)? {
                continue;
            }
            // A node that unmounts marks its journal clean, and only then unlocks it.
            if !self.is_dirty(sb, slot)? {
                continue;
            }
            pr_err!(
                "the journal of slot {slot} is dirty and its node is gone; recovery of another \
                 slot isn't supported yet: mount once with ocfs2, or run fsck.ocfs2\n"
            );
            return Err(EROFS);
        }
        Ok(())
    }
}

/// Takes a slot for this node: its own if the journal is dirty, else one that a dead node has left
/// with a dirty journal, so that replaying our own journal repairs it, else its own, else any that
/// no live node has.
pub(crate) fn claim<'a>(sb: &SuperBlock, wait: &'a NoFolio) -> Result<Claim<'a>> {
    let volume = crate::volume_of(sb);
    let super_lock = SuperLock::take(volume, wait)?;
    let mut map = Map::read(sb, wait)?;
    let journals = Journals::find(sb, map.layout.slots(), wait)?;
    let mut dirty = None;
    let mut owners = KVec::with_capacity(map.layout.slots().into(), GFP_NOFS)?;
    for slot in 0..map.layout.slots() {
        let owner = journals.live_owner(sb, &map, slot, wait)?;
        owners.push(owner, GFP_NOFS)?;
        let left = owner.is_none() && dirty.is_none() && journals.is_dirty(sb, slot)?;
        if left && !journals.is_in_use(sb, slot, wait)? {
            dirty = Some(slot);
        }
    }
    for (slot, owner) in (0..).zip(owners.iter_mut()) {
        let is_ours = *owner == Some(volume.node);
        if is_ours && dirty.is_some() && !journals.is_dirty(sb, slot)? {
            *owner = None;
        }
    }
    let slot = match choose(owners.iter().copied(), volume.node, dirty) {
        Choice::Ours(slot) | Choice::Free(slot) => slot,
        Choice::Full => {
            pr_err!("no free slot: the volume has {}\n", map.layout.slots());
            return Err(EINVAL);
        }
    };
    journals.refuse_dead(sb, map.layout.slots(), Some(slot), wait)?;
    map.set(sb, slot, Some(volume.node))?;
    // What an earlier mount couldn't give back. There is nothing in these journals.
    for other in (0..map.layout.slots()).filter(|other| *other != slot) {
        if map.owner(other) == Some(volume.node) {
            map.set(sb, other, None)?;
        }
    }
    Ok(Claim {
        slot,
        _super_lock: super_lock,
    })
}

/// A slot that was just taken. No other node looks at the slots and their journals before this is
/// dropped, so the journal can be locked and marked meanwhile.
pub(crate) struct Claim<'a> {
    slot: u16,
    _super_lock: SuperLock<'a>,
}

impl Claim<'_> {
    /// Which slot.
    pub(crate) fn slot(&self) -> u16 {
        self.slot
    }

    /// Gives it back, as nothing came of the mount.
    pub(crate) fn give_back(self, sb: &SuperBlock, wait: &NoFolio) -> Result {
        Map::read(sb, wait)?.set(sb, self.slot, None)
    }
}

/// For a mount that takes no slot.
pub(crate) fn check_read_only(sb: &SuperBlock, wait: &NoFolio) -> Result {
    let _super_lock = SuperLock::take(crate::volume_of(sb), wait)?;
    let map = Map::read(sb, wait)?;
    Journals::find(sb, map.layout.slots(), wait)?.refuse_dead(sb, map.layout.slots(), None, wait)
}

/// Where the blocks of the slot map are.
pub(crate) fn map_blocks(
    sb: &SuperBlock,
    wait: &NoFolio,
) -> Result<[u64; crate::volume::MAX_MAP_BLOCKS]> {
    let map = Map::read(sb, wait)?;
    let mut places = [0; crate::volume::MAX_MAP_BLOCKS];
    for (place, block) in places.iter_mut().zip(&map.blocks) {
        *place = block.blkno();
    }
    Ok(places)
}

/// Gives `slot` back, unless another node has taken it: since the journal was marked clean and
/// unlocked this node counts as gone.
pub(crate) fn release(sb: &SuperBlock, slot: u16, wait: &NoFolio) -> Result {
    let volume = crate::volume_of(sb);
    let _super_lock = SuperLock::take(volume, wait)?;
    let mut map = Map::read(sb, wait)?;
    match map.owner(slot) {
        Some(node) if node == volume.node => map.set(sb, slot, None),
        _ => Ok(()),
    }
}
