// SPDX-License-Identifier: GPL-2.0-only
//! Metadata blocks of one inode: each has one owner in memory under a grant of its cluster lock.
//!
//! # Model
//!
//! A block is found by its number. It is read, its checksum verified and its structure checked
//! once ([`Checked`]); a later request gets a handle to the same snapshot. So two handles
//! see each other's changes. A change goes into the snapshot and into the buffer, byte for byte, so
//! a snapshot can be dropped at any time that no handle is in use.
//!
//! # Bounds
//!
//! Between operations [`KEPT`] blocks stay. During one, those stay that it has handles to; a long
//! walk gives its handles back one by one ([`Cache::release`]). Numbers of blocks that were dropped
//! are remembered, so that they are read from memory when they are wanted again under the same
//! grant, and not from the device.
//!
//! When the cluster lock was granted anew all of it is forgotten.

use super::snapshot::Snapshot;
use crate::ondisk::base::store::Checked;
use core::cell::Cell;
use kernel::{alloc::flags::GFP_NOFS, prelude::*, rbtree::RBTree};

/// Blocks that stay from one operation to the next.
const KEPT: usize = 16;
/// Blocks that there is memory for in the list before a transaction begins.
const ROOM: usize = 2 * KEPT;
/// Numbers that are remembered.
const NUMBERS: usize = 4096;

/// A handle to a block in the cache. It isn't copied: what it refers to stays until it is given
/// back, or the operation is over.
#[derive(Debug)]
pub(crate) struct Block {
    /// Where it was when it was found; may have moved since.
    slot: usize,
    blkno: u64,
}

impl Block {
    /// The block number.
    pub(crate) fn blkno(&self) -> u64 {
        self.blkno
    }
}

/// A cached block.
pub(super) struct Entry {
    blkno: u64,
    pub(super) snapshot: Snapshot,
    /// Bits of [`Checked`].
    checked: Cell<u8>,
    /// Handles that this operation has.
    users: u32,
    /// Whether a transaction was planned with it, so that it must still be there then.
    planned: bool,
    /// When it was used last.
    used: u64,
}

impl Entry {
    pub(super) fn is_checked(&self, what: Checked) -> bool {
        self.checked.get() & what as u8 != 0
    }

    pub(super) fn set_checked(&self, what: Checked) {
        self.checked.set(self.checked.get() | what as u8);
    }
}

/// The cache of one inode.
pub(super) struct Cache {
    /// Which grant of the cluster lock it is of.
    generation: u64,
    /// The dinode, which always stays.
    root: u64,
    entries: KVec<Entry>,
    /// Blocks that were read under this grant.
    numbers: RBTree<u64, ()>,
    numbered: usize,
    /// Counts operations.
    now: u64,
    /// Whether blocks are looked up for a transaction.
    planning: bool,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            generation: 0,
            root: 0,
            entries: KVec::new(),
            numbers: RBTree::new(),
            numbered: 0,
            now: 0,
            planning: false,
        }
    }

    /// Whether this was learned under grant `generation`.
    pub(super) fn is_of(&self, generation: u64) -> bool {
        self.generation == generation
    }

    /// Begins an operation on the inode whose dinode is `root`, under grant `generation`. Forgets
    /// everything if that is a new one, and returns whether it was.
    pub(super) fn begin(&mut self, generation: u64, root: u64) -> bool {
        self.now += 1;
        self.planning = false;
        if self.generation != generation {
            self.entries.clear();
            self.numbers = RBTree::new();
            self.numbered = 0;
            (self.generation, self.root) = (generation, root);
            return true;
        }
        for entry in self.entries.iter_mut() {
            entry.users = 0;
        }
        while self.entries.len() > KEPT && self.evict().is_some() {}
        false
    }

    /// What is looked up from here on has to be there until [`Cache::let_go`]. Makes room in the
    /// list for what the transaction may add.
    pub(super) fn plan(&mut self) -> Result {
        self.planning = true;
        self.entries.reserve(ROOM, GFP_NOFS)?;
        Ok(())
    }

    /// The transaction that was planned is over, or doesn't come about.
    pub(super) fn let_go(&mut self) {
        for entry in self.entries.iter_mut() {
            entry.planned = false;
        }
    }

    fn position(&self, block: &Block) -> Option<usize> {
        match self.entries.get(block.slot) {
            Some(entry) if entry.blkno == block.blkno => Some(block.slot),
            _ => self.entries.iter().position(|e| e.blkno == block.blkno),
        }
    }

    /// The entry that a handle refers to.
    pub(super) fn entry(&self, block: &Block) -> Option<&Entry> {
        self.entries.get(self.position(block)?)
    }

    /// The same, to change it.
    pub(super) fn entry_mut(&mut self, block: &Block) -> Option<&mut Entry> {
        let slot = self.position(block)?;
        self.entries.get_mut(slot)
    }

    /// A handle to block `blkno`, if it is cached.
    pub(super) fn find(&mut self, blkno: u64) -> Option<Block> {
        let slot = self.entries.iter().position(|e| e.blkno == blkno)?;
        let entry = self.entries.get_mut(slot)?;
        entry.users += 1;
        entry.used = self.now;
        entry.planned |= self.planning;
        Some(Block { slot, blkno })
    }

    /// Whether the block was read under this grant, so that memory has the right content.
    pub(super) fn was_read(&self, blkno: u64) -> bool {
        self.numbers.get(&blkno).is_some()
    }

    /// Adds a block that isn't cached.
    pub(super) fn insert(&mut self, blkno: u64, snapshot: Snapshot) -> Result<Block> {
        if self.numbered >= NUMBERS {
            self.numbers = RBTree::new();
            self.numbered = 0;
        }
        // Without memory for the number it is read again later, that's all.
        if let Ok(None) = self.numbers.try_create_and_insert(blkno, (), GFP_NOFS) {
            self.numbered += 1;
        }
        if self.entries.len() == self.entries.capacity()
            && self.entries.reserve(1, GFP_NOFS).is_err()
        {
            self.evict().ok_or(ENOMEM)?;
        }
        let slot = self.entries.len();
        let entry = Entry {
            blkno,
            snapshot,
            checked: Cell::new(0),
            users: 1,
            planned: self.planning,
            used: self.now,
        };
        self.entries.push(entry, GFP_NOFS)?;
        Ok(Block { slot, blkno })
    }

    /// Gives a handle back. Returns the memory of the block if it was dropped.
    pub(super) fn release(&mut self, block: Block) -> Option<KVec<u8>> {
        let slot = self.position(&block)?;
        let entry = self.entries.get_mut(slot)?;
        entry.users = entry.users.saturating_sub(1);
        if entry.users > 0 || entry.blkno == self.root {
            return None;
        }
        entry.planned = false;
        if self.entries.len() <= KEPT {
            return None;
        }
        self.remove(slot)
    }

    /// Drops block `blkno`, which is nobody's here any more.
    pub(super) fn forget(&mut self, blkno: u64) -> Option<KVec<u8>> {
        let slot = self.entries.iter().position(|e| e.blkno == blkno)?;
        self.remove(slot)
    }

    /// Drops the block that was longest not used, of those that nobody needs. Returns its memory.
    pub(super) fn evict(&mut self) -> Option<KVec<u8>> {
        let root = self.root;
        let idle = self.entries.iter().enumerate();
        let idle = idle.filter(|(_, e)| e.users == 0 && !e.planned && e.blkno != root);
        let (slot, _) = idle.min_by_key(|(_, e)| e.used)?;
        self.remove(slot)
    }

    fn remove(&mut self, slot: usize) -> Option<KVec<u8>> {
        let entry = self.entries.remove(slot).ok()?;
        Some(entry.snapshot.bytes)
    }
}
