// SPDX-License-Identifier: GPL-2.0-only
//! Trees of extents: finding what a cluster of a file is mapped to.
//!
//! # Model
//!
//! The root is an extent list in a dinode, or in the root block of a directory's index. Below it
//! are extent blocks, each level one less deep, down to the leaves. An interior record says where
//! its child begins and how far it reaches, without gaps between neighbours; the leaves form a
//! list from left to right (`h_next_leaf_blk`), and the root names the last one
//! (`i_last_eb_blk`).
//!
//! The in-tree driver demands more than a search tree needs, and stops the volume where it isn't
//! so: **every node that isn't on the path to the last leaf is full**. An empty record at index 0
//! counts towards full. So a record that goes into the middle pushes others to the right, leaf by
//! leaf, until there is room ([`super::insert`]).
//!
//! # Bounds
//!
//! A child has to be exactly one level below its parent and to stay within the range that the
//! parent gives it, so a walk down is never longer than [`MAX_TREE_DEPTH`] blocks, whatever is on
//! disk, and a walk over all leaves never sees a block twice.
//!
//! The caller holds the cluster lock of the inode and what keeps other tasks from changing the
//! tree.
//!
//! Doesn't support: refcounted records other than reporting them; trees of extended attributes.

use core::ops::ControlFlow;

use super::base::bytes::{get_u16, get_u32, get_u64, put_u32, put_u64, BlockBytes};
use super::base::error::Corrupt;
use super::base::geometry::Geometry;
use super::base::store::{Blocks, Checked};
use super::list::{
    decode_extent_block, recall_extent_block, Branch, ExtentList, ExtentRec, Header, Place,
    EXT_REFCOUNTED, EXT_UNWRITTEN,
};

pub use super::list::MAX_TREE_DEPTH;

/// Offset of `ocfs2_dinode.id2.i_list` and, by the format's design, of
/// `ocfs2_dx_root_block.dr_list`.
const ROOT_LIST: usize = 0xC0;

const I_XATTR_INLINE_SIZE: usize = 0x12;
const I_DYN_FEATURES: usize = 0x76;
const INLINE_DATA_FL: u16 = 0x0001;
const INLINE_XATTR_FL: u16 = 0x0004;
const DR_FLAGS: usize = 0x2C;
const DX_FLAG_INLINE: u8 = 0x01;

/// Which block a tree is rooted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// `ocfs2_dinode.id2.i_list`: the data of a file, directory or system file.
    Dinode,
    /// `ocfs2_dx_root_block.dr_list`: the hash index of a directory.
    DxRoot,
}

impl RootKind {
    const fn blkno_off(self) -> usize {
        match self {
            Self::Dinode => 0x50,
            Self::DxRoot => 0x18,
        }
    }

    const fn clusters_off(self) -> usize {
        match self {
            Self::Dinode => 0x14,
            Self::DxRoot => 0x28,
        }
    }

    const fn last_eb_off(self) -> usize {
        match self {
            Self::Dinode => 0x58,
            Self::DxRoot => 0x20,
        }
    }

    /// `i_clusters` or `dr_clusters`.
    pub fn clusters(self, block: &[u8]) -> u32 {
        get_u32(block, self.clusters_off()).unwrap_or(0)
    }

    /// `i_last_eb_blk` or `dr_last_eb_blk`; 0 while the records are in the root.
    pub fn last_eb(self, block: &[u8]) -> u64 {
        get_u64(block, self.last_eb_off()).unwrap_or(0)
    }

    pub(super) fn set_clusters(self, block: &mut (impl BlockBytes + ?Sized), clusters: u32) {
        let _ = put_u32(block, self.clusters_off(), clusters);
    }

    pub(super) fn set_last_eb(self, block: &mut (impl BlockBytes + ?Sized), blkno: u64) {
        let _ = put_u64(block, self.last_eb_off(), blkno);
    }

    /// Checks the list in the root block `block`, whose own header was decoded before.
    pub fn decode<'a>(self, block: &'a [u8], geo: &Geometry) -> Result<ExtentList<'a>, Corrupt> {
        let list = ExtentList::decode(block, &self.place(block)?, geo)?;
        self.check_last_eb(block, &list, geo)?;
        Ok(list)
    }

    /// Looks again at a root that [`Self::decode`] found good.
    fn recall<'a>(self, block: &'a [u8], geo: &Geometry) -> Result<ExtentList<'a>, Corrupt> {
        let list = ExtentList::recall(block, &self.place(block)?)?;
        self.check_last_eb(block, &list, geo)?;
        Ok(list)
    }

    fn check_last_eb(
        self,
        block: &[u8],
        list: &ExtentList<'_>,
        geo: &Geometry,
    ) -> Result<(), Corrupt> {
        let last_eb = self.last_eb(block);
        if (list.depth() > 0) != (last_eb != 0) || !geo.is_block_or_none(last_eb) {
            let blkno = get_u64(block, self.blkno_off()).unwrap_or(0);
            return Err(Corrupt::new(blkno, self.last_eb_name()));
        }
        Ok(())
    }

    fn place(self, block: &[u8]) -> Result<Place, Corrupt> {
        let blkno = get_u64(block, self.blkno_off()).unwrap_or(0);
        let mut end = block.len();
        match self {
            Self::Dinode => {
                let dyn_features = get_u16(block, I_DYN_FEATURES).unwrap_or(0);
                if dyn_features & INLINE_DATA_FL != 0 {
                    return Err(Corrupt::new(blkno, "ocfs2_dinode.i_dyn_features"));
                }
                if dyn_features & INLINE_XATTR_FL != 0 {
                    let xattr = get_u16(block, I_XATTR_INLINE_SIZE).unwrap_or(0);
                    end = end.saturating_sub(usize::from(xattr));
                }
            }
            Self::DxRoot => {
                let flags = block.get(DR_FLAGS).copied().unwrap_or(0);
                if flags & DX_FLAG_INLINE != 0 {
                    return Err(Corrupt::new(blkno, "ocfs2_dx_root_block.dr_flags"));
                }
            }
        }
        Ok(Place {
            blkno,
            off: ROOT_LIST,
            end,
            depth: None,
            range: (0, u32::MAX),
        })
    }

    pub(super) const fn last_eb_name(self) -> &'static str {
        match self {
            Self::Dinode => "ocfs2_dinode.i_last_eb_blk",
            Self::DxRoot => "ocfs2_dx_root_block.dr_last_eb_blk",
        }
    }
}

/// What clusters of a file are mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// Nothing: reads as zeros.
    Hole,
    /// Blocks of the volume.
    Extent {
        /// Block of the first cluster asked for.
        blkno: u64,
        /// [`EXT_UNWRITTEN`], [`EXT_REFCOUNTED`].
        flags: u8,
    },
}

impl Mapped {
    /// Whether the clusters are allocated and read as zeros all the same.
    pub const fn is_unwritten(&self) -> bool {
        matches!(self, Self::Extent { flags, .. } if *flags & EXT_UNWRITTEN != 0)
    }

    /// Whether the clusters are shared and must not be written in place.
    pub const fn is_refcounted(&self) -> bool {
        matches!(self, Self::Extent { flags, .. } if *flags & EXT_REFCOUNTED != 0)
    }
}

/// A run of clusters that are mapped alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The cluster of the file that was asked for.
    pub cpos: u32,
    /// Clusters from there that are mapped the same way: to the end of the extent, or of the
    /// hole. A hole at the end of the file goes on to the last possible cluster.
    pub clusters: u32,
    /// What they are mapped to.
    pub what: Mapped,
}

/// The trees of one volume with one kind of root.
///
/// The root block is handed to each operation, because the caller has it anyway, holds its lock
/// and may change other parts of it in the same transaction.
#[derive(Clone, Copy, Debug)]
pub struct Tree<'g> {
    pub(super) geo: &'g Geometry,
    pub(super) kind: RootKind,
}

/// A leaf, or the root where that is a leaf.
pub(crate) struct Leaf<B> {
    /// The extent block; `None` where the leaf is the root.
    pub(super) block: Option<B>,
    /// Its block number; 0 where the leaf is the root.
    pub(super) blkno: u64,
    pub(super) head: Header,
    /// Where the leaf begins, as its parent records it.
    pub(super) lo: u32,
    /// Where the parent says that the leaf ends.
    pub(super) hi: u32,
    /// Where the leaf to the right begins; `None` for the last one.
    pub(super) next: Option<u32>,
}

impl<B> Leaf<B> {
    /// The leaf's records.
    pub(crate) fn list<'a, S>(&'a self, store: &'a S, root: &'a B) -> ExtentList<'a>
    where
        S: Blocks<Block = B>,
    {
        ExtentList::again(store.bytes(self.block.as_ref().unwrap_or(root)), self.head)
    }
}

impl<B> Leaf<B> {
    /// Says that a walk is done with the leaf.
    pub(super) fn release<S>(self, store: &mut S)
    where
        S: Blocks<Block = B>,
    {
        if let Some(block) = self.block {
            store.release(block);
        }
    }

    /// The leaf's last record.
    pub(super) fn last<S>(&self, store: &S, root: &B) -> Option<ExtentRec>
    where
        S: Blocks<Block = B>,
    {
        let list = self.list(store, root);
        list.leaf(list.used().checked_sub(1)?)
    }
}

/// One step of a walk down.
struct Down {
    child: Branch,
    /// First cluster of the sibling to the right.
    next: Option<u32>,
}

impl<'g> Tree<'g> {
    /// Trees of `kind` on the volume of `geo`.
    pub const fn new(geo: &'g Geometry, kind: RootKind) -> Self {
        Self { geo, kind }
    }

    /// Trees in dinodes.
    pub const fn of_dinodes(geo: &'g Geometry) -> Self {
        Self::new(geo, RootKind::Dinode)
    }

    /// Trees in the roots of directory indexes.
    pub const fn of_dx_roots(geo: &'g Geometry) -> Self {
        Self::new(geo, RootKind::DxRoot)
    }

    /// What cluster `cpos` of the file is mapped to, and for how many clusters.
    ///
    /// Reads as many blocks as the tree is deep.
    pub fn lookup<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
        cpos: u32,
    ) -> Result<Mapping, S::Error> {
        let leaf = self.find_leaf(store, root, cpos)?;
        let list = leaf.list(store, root);
        let at = list.at_or_before(cpos);
        if let Some(rec) = at.and_then(|i| list.leaf(i)).filter(|rec| rec.end() > cpos) {
            let part = rec.part(cpos, rec.end() - cpos, self.geo);
            let what = Mapped::Extent {
                blkno: part.blkno,
                flags: part.flags,
            };
            return Ok(Mapping {
                cpos,
                clusters: part.clusters,
                what,
            });
        }
        let after = at.map_or(list.first(), |i| i + 1);
        let end = list
            .leaf(after)
            .map(|rec| rec.cpos)
            .or(leaf.next)
            .unwrap_or(u32::MAX);
        Ok(Mapping {
            cpos,
            clusters: end.saturating_sub(cpos),
            what: Mapped::Hole,
        })
    }

    /// Hands the extents from cluster `from` on to `f`, in order, until it breaks off.
    ///
    /// The first one may begin before `from`.
    pub fn visit<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
        from: u32,
        mut f: impl FnMut(&ExtentRec) -> ControlFlow<()>,
    ) -> Result<(), S::Error> {
        let mut cpos = from;
        loop {
            let leaf = self.find_leaf(store, root, cpos)?;
            for rec in leaf
                .list(store, root)
                .leaves()
                .filter(|rec| rec.end() > from)
            {
                if f(&rec).is_break() {
                    return Ok(());
                }
            }
            // Begins behind `cpos`, or it would have been the leaf for it: the loop ends.
            let next = leaf.next;
            leaf.release(store);
            match next {
                Some(next) => cpos = next,
                None => return Ok(()),
            }
        }
    }

    /// First cluster after the last extent; 0 for a file without any.
    pub fn end<S: Blocks>(&self, store: &mut S, root: &S::Block) -> Result<u32, S::Error> {
        let leaf = self.find_leaf(store, root, u32::MAX)?;
        let list = leaf.list(store, root);
        let last = list.used().checked_sub(1).and_then(|i| list.leaf(i));
        // A last leaf may be left without records; then the one before it has the last.
        match (last, leaf.lo) {
            (Some(rec), _) => Ok(rec.end()),
            (None, 0) => Ok(0),
            (None, lo) => {
                let before = self.find_leaf(store, root, lo - 1)?;
                let list = before.list(store, root);
                let last = list.used().checked_sub(1).and_then(|i| list.leaf(i));
                Ok(last.map_or(0, |rec| rec.end()))
            }
        }
    }

    /// The root's list.
    pub(super) fn root_list<'a, S: Blocks>(
        &self,
        store: &'a S,
        root: &'a S::Block,
    ) -> Result<ExtentList<'a>, Corrupt> {
        if store.is_checked(root, Checked::Extents) {
            return self.kind.recall(store.bytes(root), self.geo);
        }
        let list = self.kind.decode(store.bytes(root), self.geo)?;
        store.set_checked(root, Checked::Extents);
        Ok(list)
    }

    /// Reads and checks the child `at`, `depth` levels above the leaves.
    pub(super) fn read<S: Blocks>(
        &self,
        store: &mut S,
        at: &Branch,
        depth: u16,
        range: (u32, u32),
    ) -> Result<(S::Block, Header), S::Error> {
        if at.blkno >= store.blocks() {
            return Err(Corrupt::new(at.blkno, "ocfs2_extent_rec.e_blkno").into());
        }
        let block = store.read(at.blkno)?;
        let bytes = store.bytes(&block);
        let head = if store.is_checked(&block, Checked::Extents) {
            recall_extent_block(bytes, at.blkno, depth, range)?.head()
        } else {
            let list = decode_extent_block(bytes, at.blkno, depth, range, self.geo)?;
            let head = list.head();
            store.set_checked(&block, Checked::Extents);
            head
        };
        Ok((block, head))
    }

    /// Walks down to the leaf that has, or would take, a record at `cpos`.
    pub(crate) fn find_leaf<S: Blocks>(
        &self,
        store: &mut S,
        root: &S::Block,
        cpos: u32,
    ) -> Result<Leaf<S::Block>, S::Error> {
        let list = self.root_list(store, root)?;
        let mut leaf = Leaf {
            block: None,
            blkno: 0,
            head: list.head(),
            lo: 0,
            hi: u32::MAX,
            next: None,
        };
        // One turn for a level: the depth of the child is checked to be one less.
        while leaf.head.depth > 0 {
            let down = step(&leaf.list(store, root), cpos)
                .ok_or(Corrupt::new(0, "ocfs2_extent_list.l_recs"))?;
            let range = (down.child.cpos, down.child.end());
            let depth = leaf.head.depth - 1;
            let (block, head) = self.read(store, &down.child, depth, range)?;
            leaf = Leaf {
                block: Some(block),
                blkno: down.child.blkno,
                head,
                lo: range.0,
                hi: range.1,
                next: down.next.or(leaf.next),
            };
            // Only the last leaf may be without records, or one block could stand in for many.
            if depth == 0 && leaf.next.is_some() && leaf.list(store, root).leaves().next().is_none()
            {
                let field = "ocfs2_extent_list.l_next_free_rec";
                return Err(Corrupt::new(down.child.blkno, field).into());
            }
        }
        Ok(leaf)
    }
}

/// Picks the child that has or would take `cpos`.
fn step(list: &ExtentList<'_>, cpos: u32) -> Option<Down> {
    let i = list.at_or_before(cpos).unwrap_or(0);
    Some(Down {
        child: list.branch(i)?,
        next: list.branch(i + 1).map(|rec| rec.cpos),
    })
}
