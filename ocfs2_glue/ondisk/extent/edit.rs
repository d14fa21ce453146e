// SPDX-License-Identifier: GPL-2.0-only
//! Steps that change a tree of extents: coverage, room, growth.
//!
//! Each step leaves a tree that the in-tree driver takes. They are put together in
//! [`super::insert`], which has checked every block that they touch before the first of
//! them; what they check again can't fail for a reason that wasn't there before.
//!
//! Words: the *boundary* of two neighbouring leaves is the cluster where the right one begins.
//! It is recorded in the lowest node above both, in two records that meet there, and along both
//! edges that lead down from it.

use super::base::bytes::BlockMut;
use super::base::error::Corrupt;
use super::base::store::{Blocks, Journaled, Suballoc};
use super::list::{
    init_extent_block, set_next_leaf, Branch, ExtentList, ExtentRec, Header, H_LIST, MAX_TREE_DEPTH,
};
use super::list_mut::ListMut;
use super::tree::{Leaf, Tree};

/// The range of clusters that no node can leave: for blocks whose range is being changed.
const ANYWHERE: (u32, u32) = (0, u32::MAX);

/// Which side of a subtree changes, and to what.
#[derive(Clone, Copy)]
pub(super) enum Edge {
    /// The first cluster that it covers.
    First(u32),
    /// The first cluster after it.
    Last(u32),
}

impl Edge {
    /// Index of the record at this edge.
    fn index(self, head: &Header) -> u16 {
        match self {
            Self::First(_) => 0,
            Self::Last(_) => head.used.saturating_sub(1),
        }
    }

    /// `rec` with this edge; `None` if nothing would be left of it.
    fn apply(self, rec: &Branch) -> Option<Branch> {
        let (first, last) = match self {
            Self::First(cpos) => (cpos, rec.end()),
            Self::Last(end) => (rec.cpos, end),
        };
        Some(Branch {
            cpos: first,
            clusters: last.checked_sub(first)?,
            blkno: rec.blkno,
        })
    }
}

/// Extent blocks claimed for one growth of the tree.
pub(super) struct Claimed {
    blocks: [Option<Suballoc>; Self::MOST],
    given: usize,
}

impl Claimed {
    /// A new level and a branch down from it.
    pub(super) const MOST: usize = MAX_TREE_DEPTH as usize + 1;

    pub(super) const NONE: Self = Self {
        blocks: [None; Self::MOST],
        given: 0,
    };

    /// Adds a block; what is too much is dropped.
    pub(super) fn put(&mut self, i: usize, block: Suballoc) {
        if let Some(slot) = self.blocks.get_mut(i) {
            *slot = Some(block);
        }
    }

    fn peek(&self) -> Option<Suballoc> {
        self.blocks.get(self.given).copied().flatten()
    }

    fn take(&mut self) -> Result<Suballoc, Corrupt> {
        let block = self.peek();
        self.given += 1;
        block.ok_or(Corrupt::new(0, "ocfs2_extent_list.l_next_free_rec"))
    }
}

/// An interior node, or the root.
struct Node<B> {
    /// `None` for the root.
    block: Option<B>,
    head: Header,
}

impl<'g> Tree<'g> {
    /// Changes the list of a leaf or node: of its own block, or of the root.
    pub(super) fn edit<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        block: &mut Option<S::Block>,
        head: &Header,
        change: impl FnOnce(&mut ListMut<'_, BlockMut<'_>>),
    ) -> Result<(), S::Error> {
        let off = head.off;
        let target = block.as_mut().unwrap_or(root);
        store.update(target, |bytes| change(&mut ListMut::new(bytes, off)))
    }

    /// Moves an edge of the subtree at `at`, whose top is `depth` levels above the leaves.
    fn move_edge_of<S: Journaled>(
        &self,
        store: &mut S,
        at: &Branch,
        depth: u16,
        edge: Edge,
    ) -> Result<(), S::Error> {
        let mut at = *at;
        // The leaf's own records say where it begins and ends: nothing to do at depth 0.
        for depth in (1..=depth).rev() {
            let (mut block, head) = self.read(store, &at, depth, ANYWHERE)?;
            let list = ExtentList::again(store.bytes(&block), head);
            let i = edge.index(&head);
            let bad = Corrupt::new(at.blkno, "ocfs2_extent_rec.e_int_clusters");
            let rec = list.branch(i).ok_or(bad)?;
            let new = edge.apply(&rec).ok_or(bad)?;
            store.update(&mut block, |b| ListMut::new(b, H_LIST).set_branch(i, &new))?;
            at = rec;
        }
        Ok(())
    }

    /// Moves an edge of the whole tree, below and in the root.
    pub(super) fn move_edge<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        edge: Edge,
    ) -> Result<(), S::Error> {
        let list = self.root_list(store, root)?;
        let head = list.head();
        if head.depth == 0 {
            return Ok(());
        }
        let i = edge.index(&head);
        let bad = Corrupt::new(0, "ocfs2_extent_rec.e_int_clusters");
        let rec = list.branch(i).ok_or(bad)?;
        let new = edge.apply(&rec).ok_or(bad)?;
        self.edit(store, root, &mut None, &head, |l| l.set_branch(i, &new))?;
        self.move_edge_of(store, &rec, head.depth - 1, edge)
    }

    /// Moves the boundary at `from` to `to`.
    pub(super) fn move_boundary<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        from: u32,
        to: u32,
    ) -> Result<(), S::Error> {
        let bad = Corrupt::new(0, "ocfs2_extent_rec.e_cpos");
        let mut node = Node {
            block: None,
            head: self.root_list(store, root)?.head(),
        };
        while node.head.depth > 0 {
            let list = self.node_list(store, root, &node);
            let i = list.at_or_before(from).ok_or(bad)?;
            let right = list.branch(i).ok_or(bad)?;
            let left = i.checked_sub(1).and_then(|i| list.branch(i));
            let depth = node.head.depth - 1;
            if let Some(left) = left.filter(|_| right.cpos == from) {
                let new_left = Edge::Last(to).apply(&left).ok_or(bad)?;
                let new_right = Edge::First(to).apply(&right).ok_or(bad)?;
                let head = node.head;
                self.edit(store, root, &mut node.block, &head, |l| {
                    l.set_branch(i - 1, &new_left);
                    l.set_branch(i, &new_right);
                })?;
                self.move_edge_of(store, &left, depth, Edge::Last(to))?;
                return self.move_edge_of(store, &right, depth, Edge::First(to));
            }
            let (block, head) = self.read(store, &right, depth, ANYWHERE)?;
            node = Node {
                block: Some(block),
                head,
            };
        }
        Err(bad.into())
    }

    fn node_list<'a, S: Blocks>(
        &self,
        store: &'a S,
        root: &'a S::Block,
        node: &'a Node<S::Block>,
    ) -> ExtentList<'a> {
        let block = node.block.as_ref().unwrap_or(root);
        ExtentList::again(store.bytes(block), node.head)
    }

    /// Takes the last record of the leaf left of `leaf` into `leaf`, which has room. The leaf on
    /// the left, which is handed back, then has room for a record.
    pub(super) fn move_room_left<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        mut leaf: Leaf<S::Block>,
    ) -> Result<Leaf<S::Block>, S::Error> {
        let bad = Corrupt::new(0, "ocfs2_extent_rec.e_cpos");
        let before = leaf.lo.checked_sub(1).ok_or(bad)?;
        let mut left = self.find_leaf(store, root, before)?;
        if left.next != Some(leaf.lo) || left.lo >= leaf.lo {
            return Err(bad.into());
        }
        let last = left.last(store, root).ok_or(bad)?;
        let (from, head) = (leaf.lo, leaf.head);
        self.edit(store, root, &mut leaf.block, &head, |l| {
            l.insert_leaf(&last)
        })?;
        let head = left.head;
        self.edit(store, root, &mut left.block, &head, |l| l.pop_leaf())?;
        self.move_boundary(store, root, from, last.cpos)?;
        Ok(left)
    }

    /// Hands the root's records down to a new block, so that the root has room for a second one.
    pub(super) fn add_level<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        claimed: &mut Claimed,
    ) -> Result<(), S::Error> {
        let list = self.root_list(store, root)?;
        let head = list.head();
        let last = head.used.saturating_sub(1);
        let end = match head.depth {
            0 => list.leaf(last).map_or(0, |rec| rec.end()),
            _ => list.branch(last).map_or(0, |rec| rec.end()),
        };
        let from = claimed.take()?;
        let generation = self.geo.fs_generation;
        let mut block = store.create(from.blkno)?;
        store.update(&mut block, |b| {
            init_extent_block(b, &from, generation, head.depth)
        })?;
        // In pieces that a kernel stack has room for.
        let mut piece = [0; 256];
        for at in (0..).step_by(piece.len()) {
            let raw = ExtentList::again(store.bytes(root), head).raw();
            let rest = raw.get(at..).unwrap_or(&[]);
            let len = rest.len().min(piece.len());
            for (to, from) in piece.iter_mut().zip(rest) {
                *to = *from;
            }
            match piece.get(..len) {
                Some(recs) if len > 0 => {
                    store.update(&mut block, |b| ListMut::new(b, H_LIST).append(recs))?;
                }
                _ => break,
            }
        }
        let kind = self.kind;
        store.update(root, |b| {
            let mut list = ListMut::new(b, head.off);
            list.clear();
            list.set_depth(head.depth + 1);
            list.push_branch(&Branch {
                cpos: 0,
                clusters: end,
                blkno: from.blkno,
            });
            if head.depth == 0 {
                kind.set_last_eb(b, from.blkno);
            }
        })
    }

    /// The lowest node with room for another child on the way down to the last leaf.
    fn find_node_with_room<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
    ) -> Result<Option<Node<S::Block>>, S::Error> {
        let mut lowest = None;
        let mut node = Node {
            block: None,
            head: self.root_list(store, root)?.head(),
        };
        while node.head.depth > 0 {
            let list = self.node_list(store, root, &node);
            let last = list.branch(node.head.used.saturating_sub(1));
            let last = last.ok_or(Corrupt::new(0, "ocfs2_extent_list.l_recs"))?;
            let depth = node.head.depth - 1;
            let full = node.head.used >= node.head.count;
            let below = match depth {
                0 => None,
                _ => Some(self.read(store, &last, depth, ANYWHERE)?),
            };
            if !full {
                lowest = Some(node);
            }
            match below {
                Some((block, head)) => {
                    node = Node {
                        block: Some(block),
                        head,
                    }
                }
                None => break,
            }
        }
        Ok(lowest)
    }

    /// How many levels the node that a new last leaf would hang below is above the leaves; `None`
    /// if the tree has to become deeper first.
    pub(super) fn level_with_room<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
    ) -> Result<Option<u16>, S::Error> {
        Ok(self
            .find_node_with_room(store, root)?
            .map(|node| node.head.depth))
    }

    /// Adds a last leaf with the one record `rec`, which comes after all others.
    ///
    /// There has to be a node with room ([`Self::level_with_room`]).
    pub(super) fn add_leaf<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        rec: &ExtentRec,
        claimed: &mut Claimed,
    ) -> Result<(), S::Error> {
        let bad = Corrupt::new(0, "ocfs2_extent_list.l_next_free_rec");
        let old_last = self.find_leaf(store, root, u32::MAX)?;
        let mut node = self.find_node_with_room(store, root)?.ok_or(bad)?;
        let head = node.head;
        let left = self
            .node_list(store, root, &node)
            .branch(head.used - 1)
            .ok_or(bad)?;
        let new_left = Edge::Last(rec.cpos).apply(&left).ok_or(bad)?;

        // From the leaf up to just below the node.
        let leaf_blkno = claimed.peek().ok_or(bad)?.blkno;
        let mut top = Branch {
            cpos: rec.cpos,
            clusters: rec.clusters,
            blkno: 0,
        };
        for depth in 0..head.depth {
            let from = claimed.take()?;
            let generation = self.geo.fs_generation;
            let mut block = store.create(from.blkno)?;
            store.update(&mut block, |b| {
                init_extent_block(b, &from, generation, depth);
                let mut list = ListMut::new(b, H_LIST);
                match depth {
                    0 => list.insert_leaf(rec),
                    _ => list.push_branch(&top),
                }
            })?;
            top.blkno = from.blkno;
        }
        self.edit(store, root, &mut node.block, &head, |l| {
            l.set_branch(head.used - 1, &new_left);
            l.push_branch(&top);
        })?;
        self.move_edge_of(store, &left, head.depth - 1, Edge::Last(rec.cpos))?;
        self.move_edge(store, root, Edge::Last(rec.end()))?;
        if let Some(mut block) = old_last.block {
            store.update(&mut block, |b| set_next_leaf(b, leaf_blkno))?;
        }
        let kind = self.kind;
        store.update(root, |b| kind.set_last_eb(b, leaf_blkno))
    }
}
