// SPDX-License-Identifier: GPL-2.0-only
//! Inserting extents into a tree, and marking unwritten ones written.
//!
//! # How
//!
//! A record goes into the leaf whose range it falls into. If that leaf is full, room is brought to
//! it: from the nearest leaf on the right that has some, records move over one by one, each the
//! last of its leaf to the front of the next; if there is none, the tree first gets a new last
//! leaf, and if no node has room for that, a new level. A record after all others starts the new
//! leaf itself, so that a file that is appended to has full leaves and nothing ever moves.
//!
//! Neighbours that continue each other become one record where that doesn't leave a leaf short:
//! only the last leaf may have free places ([`super::tree`]).
//!
//! # Order, and what can fail
//!
//! 1. Before the transaction: [`Tree::blocks_needed`] and [`Tree::credits`], while the caller holds
//!    the lock of the inode. They stay right until the tree changes.
//! 2. [`Tree::insert`] and [`Tree::mark_written`] check first. Until the first block changes they
//!    can fail with any error, and nothing has happened.
//! 3. From there on only the device or the journal can fail, and then the transaction is lost
//!    anyway: a half-changed tree is in memory, and the caller stops the journal.
//!
//! Doesn't support: records that are refcounted (they are left alone, and so are neighbours).

use super::base::bytes::BlockBytes;
use super::base::error::Corrupt;
use super::base::store::{Blocks, ExtentBlockSource, Journaled};
use super::edit::{Claimed, Edge};
use super::list::{
    recs_per_extent_block, ExtentRec, EXT_REFCOUNTED, EXT_UNWRITTEN, MAX_TREE_DEPTH,
};
use super::tree::{Leaf, Tree};

/// Why a tree wasn't changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeError<E> {
    /// The store's error: the device's, or the tree is corrupt.
    Store(E),
    /// The record can't be stored: names its field. A mistake of the caller's, or corruption in
    /// the allocator that the extent came from.
    BadRecord(&'static str),
    /// Some of the clusters are mapped already.
    Exists,
    /// There is no extent to mark.
    Hole,
    /// The extent is shared; it has to be copied first.
    Refcounted,
    /// The tree is as deep and as full as the in-tree driver takes it.
    Full,
}

impl<E> From<E> for TreeError<E> {
    fn from(error: E) -> Self {
        Self::Store(error)
    }
}

pub(super) type Result<T, E> = core::result::Result<T, TreeError<E>>;

impl<'g> Tree<'g> {
    /// Maps the clusters of `rec`, which nothing is mapped to yet.
    ///
    /// Counts them in the root (`i_clusters`); its size and times are the caller's.
    pub fn insert<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        rec: &ExtentRec,
        source: &mut impl ExtentBlockSource<S>,
    ) -> Result<(), S::Error> {
        if rec.flags & EXT_REFCOUNTED != 0 {
            return Err(TreeError::Refcounted);
        }
        rec.check(self.geo).map_err(TreeError::BadRecord)?;
        let clusters = self.kind.clusters(store.bytes(root));
        let clusters = clusters.checked_add(rec.clusters).ok_or(TreeError::Full)?;

        let leaf = self.find_leaf(store, root, rec.cpos)?;
        let list = leaf.list(store, root);
        let at = list.at_or_before(rec.cpos);
        let after = at.map_or(list.first(), |i| i + 1);
        let prev = at.and_then(|i| Some((i, list.leaf(i)?)));
        let next = list.leaf(after).map(|next| (after, next));
        let end = next
            .map(|(_, next)| next.cpos)
            .or(leaf.next)
            .unwrap_or(u32::MAX);
        if prev.is_some_and(|(_, prev)| prev.end() > rec.cpos) || end < rec.end() {
            return Err(TreeError::Exists);
        }
        let prev = prev.filter(|(_, prev)| prev.joins(rec, self.geo));
        let next = next.filter(|(_, next)| rec.joins(next, self.geo));
        match (prev, next) {
            (None, None) => {
                let mut claimed = self.prepare(store, root, rec.cpos, 1, source)?;
                self.insert_record(store, root, rec, &mut claimed)?;
            }
            (prev, next) => self.grow_neighbour(store, root, leaf, rec, prev, next)?,
        }
        let kind = self.kind;
        store.update(root, |b| kind.set_clusters(b, clusters))?;
        Ok(())
    }

    /// Makes `rec` part of the record before it or after it, or makes one of all three.
    fn grow_neighbour<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        mut leaf: Leaf<S::Block>,
        rec: &ExtentRec,
        prev: Option<(u16, ExtentRec)>,
        next: Option<(u16, ExtentRec)>,
    ) -> Result<(), S::Error> {
        let head = leaf.head;
        let (i, new, drop) = match (prev, next) {
            (Some((i, prev)), next) => {
                let joined = ExtentRec {
                    clusters: prev.clusters + rec.clusters,
                    ..prev
                };
                // Three into one leaves a place free.
                let next = next.filter(|(_, n)| leaf.next.is_none() && joined.joins(n, self.geo));
                match next {
                    Some((drop, next)) => {
                        let clusters = joined.clusters + next.clusters;
                        (i, ExtentRec { clusters, ..joined }, Some(drop))
                    }
                    None => (i, joined, None),
                }
            }
            (None, Some((i, next))) => (
                i,
                ExtentRec {
                    clusters: rec.clusters + next.clusters,
                    ..*rec
                },
                None,
            ),
            (None, None) => return Ok(()),
        };
        self.edit(store, root, &mut leaf.block, &head, |l| {
            l.set_leaf(i, &new);
            if let Some(drop) = drop {
                l.remove(drop);
            }
        })?;
        self.cover(store, root, &leaf, &new)
    }

    /// Makes the tree's edges cover `new`, a record in `leaf`.
    fn cover<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        leaf: &Leaf<S::Block>,
        new: &ExtentRec,
    ) -> Result<(), S::Error> {
        // Only the first leaf can get a record before its range, and only the last one after.
        if leaf.lo > new.cpos {
            self.move_edge(store, root, Edge::First(new.cpos))?;
        }
        if leaf.hi < new.end() {
            self.move_edge(store, root, Edge::Last(new.end()))?;
        }
        Ok(())
    }

    /// Clears [`EXT_UNWRITTEN`] of the clusters from `cpos` on: of `clusters` of them, or as far
    /// as the extent goes. Hands back how many that were; written ones are counted, and left as
    /// they are.
    ///
    /// An extent that is marked in its middle becomes three records.
    pub fn mark_written<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        cpos: u32,
        clusters: u32,
        source: &mut impl ExtentBlockSource<S>,
    ) -> Result<u32, S::Error> {
        let mut leaf = self.find_leaf(store, root, cpos)?;
        let list = leaf.list(store, root);
        let at = list
            .at_or_before(cpos)
            .and_then(|i| Some((i, list.leaf(i)?)));
        let (i, rec) = at
            .filter(|(_, rec)| rec.end() > cpos)
            .ok_or(TreeError::Hole)?;
        let run = clusters.min(rec.end() - cpos);
        if rec.flags & EXT_REFCOUNTED != 0 {
            return Err(TreeError::Refcounted);
        }
        if rec.flags & EXT_UNWRITTEN == 0 || run == 0 {
            return Ok(run);
        }
        let new = ExtentRec {
            flags: rec.flags & !EXT_UNWRITTEN,
            ..rec.part(cpos, run, self.geo)
        };
        let before = rec.part(rec.cpos, cpos - rec.cpos, self.geo);
        let after = rec.part(new.end(), rec.end() - new.end(), self.geo);
        let prev = i.checked_sub(1).and_then(|i| list.leaf(i));
        let prev = prev.filter(|prev| prev.joins(&new, self.geo));
        let next = list.leaf(i + 1).filter(|next| new.joins(next, self.geo));
        let head = leaf.head;
        match (before.clusters, after.clusters, prev, next) {
            (0, 0, prev, next) => {
                let shrink = leaf.next.is_none();
                self.edit(store, root, &mut leaf.block, &head, |l| {
                    mark_whole(l, i, &new, prev.filter(|_| shrink), next.filter(|_| shrink));
                })?;
            }
            (0, _, Some(prev), _) => {
                let prev = ExtentRec {
                    clusters: prev.clusters + run,
                    ..prev
                };
                self.edit(store, root, &mut leaf.block, &head, |l| {
                    l.set_leaf(i - 1, &prev);
                    l.set_leaf(i, &after);
                })?;
            }
            (_, 0, _, Some(next)) => {
                let next = ExtentRec {
                    clusters: next.clusters + run,
                    ..new
                };
                self.edit(store, root, &mut leaf.block, &head, |l| {
                    l.set_leaf(i, &before);
                    l.set_leaf(i + 1, &next);
                })?;
            }
            _ => {
                let parts = [before, new, after];
                self.split(store, root, leaf, i, &parts, source)?;
            }
        }
        Ok(run)
    }

    /// Puts those of `parts` that aren't empty in the place of record `i`.
    fn split<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        mut leaf: Leaf<S::Block>,
        i: u16,
        parts: &[ExtentRec; 3],
        source: &mut impl ExtentBlockSource<S>,
    ) -> Result<(), S::Error> {
        let mut parts = parts.iter().filter(|part| part.clusters > 0);
        let Some(first) = parts.next() else {
            return Ok(());
        };
        let more = parts.clone().count() as u16;
        let mut claimed = self.prepare(store, root, first.cpos, more, source)?;
        let head = leaf.head;
        self.edit(store, root, &mut leaf.block, &head, |l| {
            l.set_leaf(i, first)
        })?;
        for part in parts {
            self.insert_record(store, root, part, &mut claimed)?;
        }
        Ok(())
    }

    /// Upper bound of the extent blocks that `records` insertions may claim. One
    /// [`Self::insert`] is one record, one [`Self::mark_written`] is two.
    ///
    /// Reads the blocks on the way to the last leaf.
    pub fn blocks_needed<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
        records: u32,
    ) -> Result<u32, S::Error> {
        let last = self.find_leaf(store, root, u32::MAX)?;
        let room = u32::from(last.list(store, root).room());
        let missing = records.saturating_sub(room);
        if missing == 0 {
            return Ok(0);
        }
        let first = u32::from(self.growth(store, root)?);
        let per_leaf = u32::from(recs_per_extent_block(store.block_size())).max(1);
        let leaves = missing.div_ceil(per_leaf);
        let most = Claimed::MOST as u32;
        Ok(first.saturating_add((leaves - 1).saturating_mul(most)))
    }

    /// Upper bound of the tree's blocks that `records` insertions at `cpos` may update, the root
    /// and new blocks included. Those of the allocators come on top.
    ///
    /// For an append this is a little more than the tree is deep; for a record in the middle it
    /// grows with the number of leaves that have to give way, because the in-tree driver wants
    /// them all full.
    pub fn credits<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
        cpos: u32,
        records: u16,
    ) -> Result<u32, S::Error> {
        let survey = self.survey(store, root, cpos, records)?;
        let depth = u32::from(self.root_list(store, root).map_err(S::Error::from)?.depth());
        let fanout = u32::from(recs_per_extent_block(store.block_size())).max(2);
        let mut credits = 1 + u32::from(survey.blocks) + 2 * depth + 2;
        let mut level = survey.leaves.saturating_add(1);
        for _ in 0..=depth {
            credits = credits.saturating_add(level).saturating_add(1);
            level = level.div_ceil(fanout);
        }
        Ok(credits)
    }

    /// Blocks for one new last leaf.
    pub(super) fn growth<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
    ) -> Result<u16, S::Error> {
        let depth = self.root_list(store, root).map_err(S::Error::from)?.depth();
        match self.level_with_room(store, root)? {
            Some(level) => Ok(level),
            None if depth >= MAX_TREE_DEPTH => Err(TreeError::Full),
            None => Ok(depth + 1),
        }
    }

    /// Reads what an insertion of `records` at `cpos` will touch, and counts.
    fn survey<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
        cpos: u32,
        records: u16,
    ) -> Result<Survey, S::Error> {
        let mut leaf = self.find_leaf(store, root, cpos)?;
        let mut survey = Survey {
            leaves: 1,
            blocks: 0,
        };
        let mut room = leaf.list(store, root).room();
        while room < records {
            let Some(next) = leaf.next else {
                survey.blocks = self.growth(store, root)?;
                break;
            };
            leaf.release(store);
            leaf = self.find_leaf(store, root, next)?;
            self.check_last(store, root, &leaf)
                .map_err(S::Error::from)?;
            survey.leaves = survey.leaves.saturating_add(1);
            room = room.saturating_add(leaf.list(store, root).room());
        }
        Ok(survey)
    }

    /// The root has to name the last leaf: the in-tree driver goes there directly.
    pub(super) fn check_last<S: Blocks>(
        &self,
        store: &S,
        root: &S::Block,
        leaf: &Leaf<S::Block>,
    ) -> core::result::Result<(), Corrupt> {
        if leaf.next.is_none() && leaf.blkno != self.kind.last_eb(store.bytes(root)) {
            return Err(Corrupt::new(leaf.blkno, self.kind.last_eb_name()));
        }
        Ok(())
    }

    /// The last point where an insertion of `records` at `cpos` can be refused.
    fn prepare<S: Journaled>(
        &self,
        store: &mut S,
        root: &S::Block,
        cpos: u32,
        records: u16,
        source: &mut impl ExtentBlockSource<S>,
    ) -> Result<Claimed, S::Error> {
        let survey = self.survey(store, root, cpos, records)?;
        let mut claimed = Claimed::NONE;
        for i in 0..usize::from(survey.blocks) {
            claimed.put(i, source.claim(store)?);
        }
        Ok(claimed)
    }

    /// Inserts a record on its own, wherever there is room or can be.
    fn insert_record<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        rec: &ExtentRec,
        claimed: &mut Claimed,
    ) -> Result<(), S::Error> {
        // Each turn does one of: insert, add a level, bring room to the leaf. Levels are few.
        for _ in 0..=MAX_TREE_DEPTH + 2 {
            let mut leaf = self.find_leaf(store, root, rec.cpos)?;
            let list = leaf.list(store, root);
            if list.room() > 0 {
                let head = leaf.head;
                self.edit(store, root, &mut leaf.block, &head, |l| l.insert_leaf(rec))?;
                return self.cover(store, root, &leaf, rec);
            }
            let behind = leaf
                .last(store, root)
                .is_none_or(|last| last.cpos < rec.cpos);
            match leaf.next {
                None => {
                    if leaf.head.depth == 0 && leaf.block.is_none()
                        || self.level_with_room(store, root)?.is_none()
                    {
                        self.add_level(store, root, claimed)?;
                    } else if behind {
                        self.add_leaf(store, root, rec, claimed)?;
                        return Ok(());
                    } else {
                        self.spill(store, root, leaf, claimed)?;
                    }
                }
                Some(next) => {
                    let lo = if behind { next } else { leaf.lo };
                    let mut with_room = match self.find_room(store, root, next)? {
                        Some(leaf) => leaf,
                        None if self.level_with_room(store, root)?.is_none() => {
                            self.add_level(store, root, claimed)?;
                            continue;
                        }
                        None => {
                            let last = self.find_leaf(store, root, u32::MAX)?;
                            self.spill(store, root, last, claimed)?;
                            continue;
                        }
                    };
                    while with_room.lo > lo {
                        with_room = self.move_room_left(store, root, with_room)?;
                    }
                    if behind {
                        let head = with_room.head;
                        let block = &mut with_room.block;
                        self.edit(store, root, block, &head, |l| l.insert_leaf(rec))?;
                        self.move_boundary(store, root, next, rec.cpos)?;
                        return Ok(());
                    }
                }
            }
        }
        Err(S::Error::from(Corrupt::new(0, "ocfs2_extent_list.l_tree_depth")).into())
    }

    /// Moves the last record of the last leaf to a new last leaf.
    pub(super) fn spill<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        mut last: Leaf<S::Block>,
        claimed: &mut Claimed,
    ) -> Result<(), S::Error> {
        let bad = Corrupt::new(0, "ocfs2_extent_list.l_next_free_rec");
        let rec = last.last(store, root).ok_or(S::Error::from(bad))?;
        let head = last.head;
        // In this order: the new leaf is linked from this one, through another handle of its block.
        self.edit(store, root, &mut last.block, &head, |l| l.pop_leaf())?;
        self.add_leaf(store, root, &rec, claimed)?;
        Ok(())
    }

    /// The nearest leaf with room, from the one that begins at `from`.
    fn find_room<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
        from: u32,
    ) -> Result<Option<Leaf<S::Block>>, S::Error> {
        let mut from = Some(from);
        while let Some(cpos) = from {
            let leaf = self.find_leaf(store, root, cpos)?;
            if leaf.list(store, root).room() > 0 {
                return Ok(Some(leaf));
            }
            from = leaf.next;
            leaf.release(store);
        }
        Ok(None)
    }
}

/// What an insertion will touch.
struct Survey {
    /// Leaves from the one at the place to the one with room.
    leaves: u32,
    /// New extent blocks.
    blocks: u16,
}

/// Replaces the whole record `i` by `new`, together with neighbours that it joins.
fn mark_whole<B: BlockBytes + ?Sized>(
    list: &mut super::list_mut::ListMut<'_, B>,
    i: u16,
    new: &ExtentRec,
    prev: Option<ExtentRec>,
    next: Option<ExtentRec>,
) {
    let all = |a: &ExtentRec, b: &ExtentRec| ExtentRec {
        clusters: a.clusters + b.clusters,
        ..*a
    };
    let fits =
        |a: &ExtentRec, b: &ExtentRec| a.clusters + b.clusters <= super::list::MAX_LEAF_CLUSTERS;
    let mut at = i;
    let mut rec = *new;
    if let Some(prev) = prev {
        rec = all(&prev, &rec);
        at = i - 1;
        list.remove(i);
    }
    if let Some(next) = next.filter(|next| fits(&rec, next)) {
        rec = all(&rec, &next);
        list.remove(at + 1);
    }
    list.set_leaf(at, &rec);
}
