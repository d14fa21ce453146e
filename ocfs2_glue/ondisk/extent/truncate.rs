// SPDX-License-Identifier: GPL-2.0-only
//! Cutting extents off the end of a tree: truncation, and the end of an unlinked file.
//!
//! One call takes one record, or its tail, and with the last record of a leaf the leaf and what
//! hung on it alone. The caller repeats it in a transaction for as long as there are credits, and
//! goes on in another one; the tree is whole after each call. Working from the end keeps all
//! other leaves full, as the in-tree driver wants them ([`super::tree`]).
//!
//! What comes free is handed back, not freed: clusters go into the truncate log or the global
//! bitmap, extent blocks to the suballocator of the slot that their header names, and the journal
//! has to forget their buffers.

use super::base::error::Corrupt;
use super::base::store::{Journaled, Suballoc};
use super::edit::Edge;
use super::insert::TreeError;
use super::list::{
    extent_block_suballoc, set_next_leaf, Branch, ExtentRec, Header, EXT_REFCOUNTED, MAX_TREE_DEPTH,
};
use super::list_mut::ListMut;
use super::tree::{Leaf, Tree};

/// What one cut has set free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The clusters; `None` if only an empty leaf went.
    pub extent: Option<ExtentRec>,
    /// The extent blocks.
    pub blocks: [Option<Suballoc>; MAX_TREE_DEPTH as usize],
}

/// The nodes on the way to the last leaf that have no other child, and the one above them.
struct Lone<B> {
    blocks: [Option<Suballoc>; MAX_TREE_DEPTH as usize],
    /// Header of the lowest node with another child, its block if it isn't the root; `None` if
    /// the whole tree is one path.
    keep: Option<(Option<B>, Header)>,
}

impl<'g> Tree<'g> {
    /// Blocks that one [`Tree::cut`] may update. Cuts in the same leaf update the same ones.
    pub fn cut_credits(&self, root: &[u8]) -> Result<u32, Corrupt> {
        let depth = u32::from(self.kind.decode(root, self.geo)?.depth());
        // The root, the leaf, the nodes above it, and as many on the way to the new last leaf.
        Ok(2 + 2 * depth)
    }

    /// Cuts the last record off at cluster `from`, if it reaches that far. `None`: nothing is left
    /// there.
    ///
    /// Counts the clusters in the root; its size and times are the caller's.
    pub fn cut<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        from: u32,
    ) -> Result<Option<Cut>, TreeError<S::Error>> {
        let last = self.find_leaf(store, root, u32::MAX)?;
        self.check_last(store, root, &last)
            .map_err(S::Error::from)?;
        let none = [None; MAX_TREE_DEPTH as usize];
        let Some(rec) = last.last(store, root) else {
            if last.block.is_none() {
                return Ok(None);
            }
            let blocks = self.drop_last_leaf(store, root, last)?;
            return Ok(Some(Cut {
                extent: None,
                blocks,
            }));
        };
        if rec.end() <= from {
            return Ok(None);
        }
        if rec.flags & EXT_REFCOUNTED != 0 {
            return Err(TreeError::Refcounted);
        }
        let cpos = rec.cpos.max(from);
        let freed = rec.part(cpos, rec.end() - cpos, self.geo);
        let clusters = self
            .kind
            .clusters(store.bytes(root))
            .checked_sub(freed.clusters);
        let bad = Corrupt::new(0, "ocfs2_dinode.i_clusters");
        let clusters = clusters.ok_or(S::Error::from(bad))?;

        let blocks = if cpos > rec.cpos {
            let rest = rec.part(rec.cpos, cpos - rec.cpos, self.geo);
            self.shorten(store, root, last, Some(rest))?;
            none
        } else if last.block.is_none() || last.list(store, root).leaves().nth(1).is_some() {
            self.shorten(store, root, last, None)?;
            none
        } else {
            self.drop_last_leaf(store, root, last)?
        };
        let kind = self.kind;
        store.update(root, |b| kind.set_clusters(b, clusters))?;
        Ok(Some(Cut {
            extent: Some(freed),
            blocks,
        }))
    }

    /// Replaces the last record of the last leaf, or drops it and leaves others.
    fn shorten<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        mut leaf: Leaf<S::Block>,
        rest: Option<ExtentRec>,
    ) -> Result<(), S::Error> {
        let head = leaf.head;
        let i = head.used.saturating_sub(1);
        self.edit(store, root, &mut leaf.block, &head, |l| match rest {
            Some(rest) => l.set_leaf(i, &rest),
            None => l.remove(i),
        })?;
        let last = self.find_leaf(store, root, u32::MAX)?;
        let end = last.last(store, root).map_or(last.lo, |rec| rec.end());
        self.move_edge(store, root, Edge::Last(end))
    }

    /// Takes the last leaf out of the tree, with the nodes above that have no other child.
    fn drop_last_leaf<S: Journaled>(
        &self,
        store: &mut S,
        root: &mut S::Block,
        last: Leaf<S::Block>,
    ) -> Result<[Option<Suballoc>; MAX_TREE_DEPTH as usize], S::Error> {
        let bad = Corrupt::new(last.blkno, "ocfs2_extent_rec.e_cpos");
        let lone = self.find_lone(store, root)?;
        let kind = self.kind;
        let Some((mut block, head)) = lone.keep else {
            let off = self.root_list(store, root)?.head().off;
            store.update(root, |b| {
                let mut list = ListMut::new(b, off);
                list.clear();
                list.set_depth(0);
                kind.set_last_eb(b, 0);
            })?;
            return Ok(lone.blocks);
        };
        let before = last.lo.checked_sub(1).ok_or(bad)?;
        let left = self.find_leaf(store, root, before)?;
        let end = left.last(store, root).ok_or(bad)?.end();
        let (blkno, Some(mut left_block)) = (left.blkno, left.block) else {
            return Err(bad.into());
        };
        if left.next != Some(last.lo) {
            return Err(bad.into());
        }
        self.edit(store, root, &mut block, &head, |l| l.remove(head.used - 1))?;
        store.update(&mut left_block, |b| set_next_leaf(b, 0))?;
        store.update(root, |b| kind.set_last_eb(b, blkno))?;
        self.move_edge(store, root, Edge::Last(end))?;
        Ok(lone.blocks)
    }

    fn find_lone<S: Journaled>(
        &self,
        store: &mut S,
        root: &S::Block,
    ) -> Result<Lone<S::Block>, S::Error> {
        let list = self.root_list(store, root)?;
        let mut lone = Lone {
            blocks: [None; MAX_TREE_DEPTH as usize],
            keep: None,
        };
        let mut head = list.head();
        let mut at = last_branch(list.branch(head.used.saturating_sub(1)))?;
        if head.used > 1 {
            lone.keep = Some((None, head));
        }
        // From just below the root down to the leaf; a node with two children starts afresh.
        let mut found = 0;
        while head.depth > 0 {
            let depth = head.depth - 1;
            let (block, below) = self.read(store, &at, depth, (0, u32::MAX))?;
            let bytes = store.bytes(&block);
            let from = extent_block_suballoc(bytes);
            let list = super::list::ExtentList::again(bytes, below);
            head = below;
            if depth > 0 {
                at = last_branch(list.branch(below.used.saturating_sub(1)))?;
            }
            if depth > 0 && below.used > 1 {
                lone = Lone {
                    blocks: [None; MAX_TREE_DEPTH as usize],
                    keep: None,
                };
                lone.keep = Some((Some(block), below));
                found = 0;
            } else if let Some(slot) = lone.blocks.get_mut(found) {
                *slot = from;
                found += 1;
            }
        }
        Ok(lone)
    }
}

fn last_branch(branch: Option<Branch>) -> Result<Branch, Corrupt> {
    branch.ok_or(Corrupt::new(0, "ocfs2_extent_list.l_next_free_rec"))
}
