// SPDX-License-Identifier: GPL-2.0-only
//! Bringing room to a place in the middle of a tree, step by step.
//!
//! All leaves but the last are full, so a record that goes between others moves one record of each
//! leaf from there to the next one that has room ([`super::insert`]). In a file of many thousand
//! extents those are more blocks than one transaction takes. So the room is brought near before:
//! each step moves one record from one leaf to its neighbour and leaves a tree that the in-tree
//! driver takes, with an empty record in another leaf. Steps may be in transactions of their own; a
//! crash between them costs nothing.
//!
//! The in-tree driver extends or restarts its transaction between such steps
//! (`ocfs2_extend_rotate_transaction()` in `srctree/fs/ocfs2/alloc.c`).

use super::base::store::{Blocks, ExtentBlockSource, Journaled};
use super::edit::Claimed;
use super::insert::Result;
use super::list::MAX_TREE_DEPTH;
use super::tree::Tree;

/// Leaves that an insertion may have to change by itself.
pub const NEAR: u32 = 6;

/// Blocks of the tree that one step updates: two leaves, the nodes above them, the root; and new
/// ones where a leaf is added.
pub const STEP_CREDITS: u32 = 5 + 4 * MAX_TREE_DEPTH as u32;

/// Room that is too far away for one insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Far {
    /// No leaf on the right has any. The tree needs this many extent blocks for another last leaf
    /// ([`Tree::add_room`]).
    Nowhere {
        /// Extent blocks.
        blocks: u16,
    },
    /// The leaf that begins at cluster `at` has some, to be moved left
    /// ([`Tree::move_room`]) `steps` times.
    At {
        /// First cluster of the leaf.
        at: u32,
        /// Leaves to go.
        steps: u32,
    },
}

impl<'g> Tree<'g> {
    /// Looks for the room that an insertion of `records` records at `cpos` will need. `None` if it
    /// is near. To be asked again after what it says was done.
    pub fn far_room<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
        cpos: u32,
        records: u16,
    ) -> Result<Option<Far>, S::Error> {
        let mut leaf = self.find_leaf(store, root, cpos)?;
        let (mut index, mut room) = (0u32, 0u16);
        // Behind the last leaf with room: where the next room should come to.
        let mut target = 0;
        loop {
            let here = leaf.list(store, root).room();
            room = room.saturating_add(here);
            let (at, next) = (leaf.lo, leaf.next);
            leaf.release(store);
            if here > 0 && index >= NEAR.max(target + 1) {
                let steps = index - target;
                return Ok(Some(Far::At { at, steps }));
            }
            if room >= records {
                return Ok(None);
            }
            if here > 0 {
                target = index + 1;
            }
            let Some(next) = next else { break };
            leaf = self.find_leaf(store, root, next)?;
            index += 1;
        }
        match index >= NEAR {
            true => Ok(Some(Far::Nowhere {
                blocks: self.growth(store, root)?,
            })),
            false => Ok(None),
        }
    }

    /// Moves room from the leaf that begins at `at` to the leaf on its left, whose first cluster is
    /// returned.
    pub fn move_room<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        at: u32,
    ) -> Result<u32, S::Error> {
        let leaf = self.find_leaf(store, root, at)?;
        let left = self.move_room_left(store, root, leaf)?;
        Ok(left.lo)
    }

    /// Adds a last leaf, to which the last record moves: the leaf before then has room.
    pub fn add_room<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        source: &mut impl ExtentBlockSource<S>,
    ) -> Result<(), S::Error> {
        let mut claimed = Claimed::NONE;
        for i in 0..usize::from(self.growth(store, root)?) {
            claimed.put(i, source.claim(store)?);
        }
        if self.level_with_room(store, root)?.is_none() {
            self.add_level(store, root, &mut claimed)?;
        }
        let last = self.find_leaf(store, root, u32::MAX)?;
        self.spill(store, root, last, &mut claimed)
    }
}
