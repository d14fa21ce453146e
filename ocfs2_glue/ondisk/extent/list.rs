// SPDX-License-Identifier: GPL-2.0-only
//! Extent lists, extent records and extent blocks
//! (`ocfs2_extent_list`, `ocfs2_extent_rec`, `ocfs2_extent_block`).
//!
//! A list is a node of a tree: in a dinode, in the root block of a directory's index, or in an
//! extent block. Records of a leaf (`l_tree_depth` 0) map clusters of the file to blocks of the
//! volume; records of an interior node name the extent block that covers a range of clusters.
//!
//! The one place for an *empty* record (no clusters) is index 0 of a leaf: the in-tree driver
//! keeps room for a later record there, and skips it when it reads. So does this code.
//!
//! Facts: `srctree/fs/ocfs2/ocfs2_fs.h`; the rules about empty records and coverage are what
//! `srctree/fs/ocfs2/alloc.c` relies on.

use super::base::bytes::{
    get_u16, get_u32, get_u64, get_u8, put, put_u16, put_u32, put_u64, zero_from, BlockBytes,
};
use super::base::error::{Corrupt, Result};
use super::base::geometry::Geometry;
use super::base::store::Suballoc;

/// `OCFS2_EXT_UNWRITTEN`: allocated, reads as zeros.
pub const EXT_UNWRITTEN: u8 = 0x01;
/// `OCFS2_EXT_REFCOUNTED`: shared through a refcount tree; never written in place.
pub const EXT_REFCOUNTED: u8 = 0x02;

/// Deepest `l_tree_depth` that the in-tree driver takes: its paths have
/// `OCFS2_MAX_PATH_DEPTH` (5) nodes, one of them the leaf.
pub const MAX_TREE_DEPTH: u16 = 4;

/// Most clusters in a record of a leaf (`e_leaf_clusters` is 16 bits wide).
pub const MAX_LEAF_CLUSTERS: u32 = u16::MAX as u32;

/// `OCFS2_EXTENT_BLOCK_SIGNATURE`, as `h_signature` holds it.
pub const EXTENT_BLOCK_SIGNATURE: [u8; 8] = *b"EXBLK01\0";

pub(super) const REC: usize = 16;
pub(super) const LIST_HEADER: usize = 16;

pub(super) const L_TREE_DEPTH: usize = 0;
const L_COUNT: usize = 2;
pub(super) const L_NEXT_FREE_REC: usize = 4;

const H_SUBALLOC_SLOT: usize = 0x10;
const H_SUBALLOC_BIT: usize = 0x12;
const H_FS_GENERATION: usize = 0x14;
const H_BLKNO: usize = 0x18;
const H_SUBALLOC_LOC: usize = 0x20;
const H_NEXT_LEAF_BLK: usize = 0x28;
/// Offset of `h_list` in an extent block.
pub const H_LIST: usize = 0x30;

/// A used record of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtentRec {
    /// First cluster within the file.
    pub cpos: u32,
    /// Length in clusters, 1 to [`MAX_LEAF_CLUSTERS`].
    pub clusters: u32,
    /// First block on the volume; always the first block of a cluster.
    pub blkno: u64,
    /// [`EXT_UNWRITTEN`] and [`EXT_REFCOUNTED`].
    pub flags: u8,
}

impl ExtentRec {
    /// First cluster after the record. Saturates where an unchecked record would wrap.
    pub const fn end(&self) -> u32 {
        self.cpos.saturating_add(self.clusters)
    }

    /// Block at which a record that continues this one would start.
    pub const fn end_blkno(&self, geo: &Geometry) -> u64 {
        self.blkno
            .saturating_add(geo.clusters_to_blocks(self.clusters))
    }

    /// Whether `next` goes on where this record stops, in the file and on the volume, with the
    /// same flags, so that one record could be both.
    pub fn joins(&self, next: &Self, geo: &Geometry) -> bool {
        self.flags == next.flags
            && self.flags & EXT_REFCOUNTED == 0
            && self.end() == next.cpos
            && self.end_blkno(geo) == next.blkno
            && self.clusters + next.clusters <= MAX_LEAF_CLUSTERS
    }

    /// The part of the record from `cpos` on, `clusters` long. The caller has checked that it is
    /// a part.
    pub fn part(&self, cpos: u32, clusters: u32, geo: &Geometry) -> Self {
        let skip = geo.clusters_to_blocks(cpos.saturating_sub(self.cpos));
        Self {
            cpos,
            clusters,
            blkno: self.blkno.saturating_add(skip),
            flags: self.flags,
        }
    }

    /// Whether the record may be stored: a length that fits, whole clusters of the volume, flags
    /// that are known. Names the field that is wrong.
    pub fn check(&self, geo: &Geometry) -> Result<(), &'static str> {
        if self.clusters == 0 || self.clusters > MAX_LEAF_CLUSTERS {
            return Err("ocfs2_extent_rec.e_leaf_clusters");
        }
        if self.cpos.checked_add(self.clusters).is_none() {
            return Err("ocfs2_extent_rec.e_cpos");
        }
        if self.flags & !(EXT_UNWRITTEN | EXT_REFCOUNTED) != 0 {
            return Err("ocfs2_extent_rec.e_flags");
        }
        let aligned = self.blkno & (u64::from(geo.blocks_per_cluster()) - 1) == 0;
        let room = geo
            .block_to_cluster(self.blkno)
            .map_or(0, |first| geo.clusters.saturating_sub(first));
        if !geo.is_block(self.blkno) || !aligned || room < self.clusters {
            return Err("ocfs2_extent_rec.e_blkno");
        }
        Ok(())
    }
}

/// A record of an interior node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// First cluster that the child covers.
    pub cpos: u32,
    /// Clusters from there to where the next record begins (`e_int_clusters`).
    pub clusters: u32,
    /// Extent block of the child.
    pub blkno: u64,
}

impl Branch {
    /// First cluster after the covered range. Saturates where an unchecked record would wrap.
    pub const fn end(&self) -> u32 {
        self.cpos.saturating_add(self.clusters)
    }
}

/// Where a list lies in its block, and what it may be.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Block number, for errors.
    pub blkno: u64,
    /// Offset of the list in the block, in bytes.
    pub off: usize,
    /// End of the room for records, in bytes from the start of the block.
    pub end: usize,
    /// `l_tree_depth` that the list must have; `None` for a root.
    pub depth: Option<u16>,
    /// Clusters that the parent says this node covers: from the first, to before the second.
    pub range: (u32, u32),
}

/// Header of a list that was decoded, for looking at its block again.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Offset of the list in its block.
    pub off: usize,
    /// Levels below this node; 0 for a leaf.
    pub depth: u16,
    /// Records that the list has room for.
    pub count: u16,
    /// `l_next_free_rec`: records in use, an empty one at index 0 included.
    pub used: u16,
}

/// A list whose header and records passed every check.
///
/// # Invariants
///
/// `used <= count`, and `count` records lie within the block. Records are in order, don't overlap
/// and are within the range that the parent gave. Only record 0 of a leaf can be empty.
#[derive(Clone, Copy)]
pub struct ExtentList<'a> {
    block: &'a [u8],
    head: Header,
}

impl<'a> ExtentList<'a> {
    /// Checks the list at `place` in `block`.
    pub fn decode(block: &'a [u8], place: &Place, geo: &Geometry) -> Result<Self> {
        let list = Self::header(block, place)?;
        if list.depth() == 0 {
            list.check_leaf(place, geo)?;
        } else {
            list.check_interior(place, geo)?;
        }
        Ok(list)
    }

    /// Looks again at a list whose records were found good ([`Self::decode`]). What the parent says
    /// may have changed since, so that is compared again.
    pub fn recall(block: &'a [u8], place: &Place) -> Result<Self> {
        let list = Self::header(block, place)?;
        let (first, last) = (list.first(), list.used().checked_sub(1));
        let first = list.rec_off(first).and_then(|at| get_u32(block, at));
        if first.is_some_and(|cpos| cpos < place.range.0) {
            return Err(Corrupt::new(place.blkno, "ocfs2_extent_rec.e_cpos"));
        }
        let end = last.and_then(|i| match list.depth() {
            0 => list.leaf(i).map(|rec| rec.end()),
            _ => list.branch(i).map(|rec| rec.end()),
        });
        if end.is_some_and(|end| end > place.range.1) {
            let field = match list.depth() {
                0 => "ocfs2_extent_rec.e_leaf_clusters",
                _ => "ocfs2_extent_rec.e_int_clusters",
            };
            return Err(Corrupt::new(place.blkno, field));
        }
        Ok(list)
    }

    /// Checks everything but the records.
    fn header(block: &'a [u8], place: &Place) -> Result<Self> {
        let bad = |field| Corrupt::new(place.blkno, field);
        let header = |at| get_u16(block, place.off + at).ok_or(bad("ocfs2_extent_list"));
        let depth = header(L_TREE_DEPTH)?;
        let count = header(L_COUNT)?;
        let used = header(L_NEXT_FREE_REC)?;
        if depth > MAX_TREE_DEPTH || place.depth.is_some_and(|expected| depth != expected) {
            return Err(bad("ocfs2_extent_list.l_tree_depth"));
        }
        let room = place
            .end
            .min(block.len())
            .saturating_sub(place.off + LIST_HEADER)
            / REC;
        if count == 0 || usize::from(count) > room {
            return Err(bad("ocfs2_extent_list.l_count"));
        }
        if used > count || (used == 0 && depth > 0) {
            return Err(bad("ocfs2_extent_list.l_next_free_rec"));
        }
        // INVARIANT: the counts were checked just now, the records are the callers'.
        Ok(Self {
            block,
            head: Header {
                off: place.off,
                depth,
                count,
                used,
            },
        })
    }

    fn check_leaf(&self, place: &Place, geo: &Geometry) -> Result<()> {
        let bad = |field| Corrupt::new(place.blkno, field);
        let mut next = place.range.0;
        for i in self.first()..self.head.used {
            let rec = self.raw_leaf(i).ok_or(bad("ocfs2_extent_list.l_recs"))?;
            rec.check(geo).map_err(bad)?;
            if rec.cpos < next {
                return Err(bad("ocfs2_extent_rec.e_cpos"));
            }
            next = rec.end();
        }
        if next > place.range.1 {
            return Err(bad("ocfs2_extent_rec.e_leaf_clusters"));
        }
        Ok(())
    }

    fn check_interior(&self, place: &Place, geo: &Geometry) -> Result<()> {
        let bad = |field| Corrupt::new(place.blkno, field);
        let mut next = place.range.0;
        for i in 0..self.head.used {
            let rec = self.branch(i).ok_or(bad("ocfs2_extent_list.l_recs"))?;
            if rec.cpos < next {
                return Err(bad("ocfs2_extent_rec.e_cpos"));
            }
            next = rec
                .cpos
                .checked_add(rec.clusters)
                .ok_or(bad("ocfs2_extent_rec.e_int_clusters"))?;
            if !geo.is_block(rec.blkno) || rec.blkno == place.blkno {
                return Err(bad("ocfs2_extent_rec.e_blkno"));
            }
        }
        if next > place.range.1 {
            return Err(bad("ocfs2_extent_rec.e_int_clusters"));
        }
        Ok(())
    }

    /// Looks again at a block that was decoded and hasn't changed since. Were it another block,
    /// records would be wrong, but still within the block.
    pub const fn again(block: &'a [u8], head: Header) -> Self {
        Self { block, head }
    }

    /// The header.
    pub const fn head(&self) -> Header {
        self.head
    }

    /// Levels below this node; 0 for a leaf.
    pub const fn depth(&self) -> u16 {
        self.head.depth
    }

    /// `l_next_free_rec`: records in use, an empty one at index 0 included.
    pub const fn used(&self) -> u16 {
        self.head.used
    }

    /// The used records as bytes, for [`ListMut::append`].
    pub fn raw(&self) -> &'a [u8] {
        let start = self.head.off + LIST_HEADER;
        let end = start + usize::from(self.head.used) * REC;
        self.block.get(start..end).unwrap_or(&[])
    }

    /// Index of the first record that isn't empty; equal to [`Self::used`] if there is none.
    pub fn first(&self) -> u16 {
        u16::from(self.has_empty())
    }

    /// Whether record 0 of this leaf is an empty one.
    pub fn has_empty(&self) -> bool {
        let clusters = get_u16(self.block, self.head.off + LIST_HEADER + 4);
        self.head.depth == 0 && self.head.used > 0 && clusters == Some(0)
    }

    /// Records that may be added to the list itself.
    pub fn room(&self) -> u16 {
        self.head.count - self.head.used + self.first()
    }

    fn rec_off(&self, i: u16) -> Option<usize> {
        (i < self.head.used).then_some(self.head.off + LIST_HEADER + usize::from(i) * REC)
    }

    fn raw_leaf(&self, i: u16) -> Option<ExtentRec> {
        let at = self.rec_off(i)?;
        Some(ExtentRec {
            cpos: get_u32(self.block, at)?,
            clusters: u32::from(get_u16(self.block, at + 4)?),
            blkno: get_u64(self.block, at + 8)?,
            flags: get_u8(self.block, at + 7)?,
        })
    }

    /// Record `i` of a leaf; `None` past the end, for the empty record and in interior nodes.
    pub fn leaf(&self, i: u16) -> Option<ExtentRec> {
        if self.head.depth != 0 || i < self.first() {
            return None;
        }
        self.raw_leaf(i)
    }

    /// Record `i` of an interior node; `None` past the end and in leaves.
    pub fn branch(&self, i: u16) -> Option<Branch> {
        if self.head.depth == 0 {
            return None;
        }
        let at = self.rec_off(i)?;
        Some(Branch {
            cpos: get_u32(self.block, at)?,
            clusters: get_u32(self.block, at + 4)?,
            blkno: get_u64(self.block, at + 8)?,
        })
    }

    /// First cluster of record `i`, of whichever kind.
    fn cpos(&self, i: u16) -> Option<u32> {
        get_u32(self.block, self.rec_off(i)?)
    }

    /// Index of the last record that begins at or before `cpos`, the empty one left out.
    pub fn at_or_before(&self, cpos: u32) -> Option<u16> {
        let first = self.first();
        let (mut low, mut high) = (first, self.head.used);
        while low < high {
            let mid = low + (high - low) / 2;
            if self.cpos(mid)? <= cpos {
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        (low > first).then(|| low - 1)
    }

    /// Records of a leaf in order, without the empty one.
    pub fn leaves(&self) -> impl Iterator<Item = ExtentRec> + '_ {
        (self.first()..self.head.used).map_while(|i| self.leaf(i))
    }
}

/// Records that fit into an extent block of `block_size` bytes.
pub const fn recs_per_extent_block(block_size: usize) -> u16 {
    (block_size.saturating_sub(H_LIST + LIST_HEADER) / REC) as u16
}

/// Checks an extent block that a record of depth `depth + 1` points to.
///
/// `range` is what that record covers. A block that is another tree's, another volume's or at
/// another depth is refused here, so that no chain of blocks can be longer than the tree is deep.
pub fn decode_extent_block<'a>(
    block: &'a [u8],
    blkno: u64,
    depth: u16,
    range: (u32, u32),
    geo: &Geometry,
) -> Result<ExtentList<'a>> {
    let bad = |field| Corrupt::new(blkno, field);
    if block.get(..8) != Some(&EXTENT_BLOCK_SIGNATURE[..]) {
        return Err(bad("ocfs2_extent_block.h_signature"));
    }
    if get_u64(block, H_BLKNO) != Some(blkno) {
        return Err(bad("ocfs2_extent_block.h_blkno"));
    }
    if get_u32(block, H_FS_GENERATION) != Some(geo.fs_generation) {
        return Err(bad("ocfs2_extent_block.h_fs_generation"));
    }
    let next_leaf = get_u64(block, H_NEXT_LEAF_BLK).unwrap_or(u64::MAX);
    if !geo.is_block_or_none(next_leaf) || next_leaf == blkno {
        return Err(bad("ocfs2_extent_block.h_next_leaf_blk"));
    }
    let count = get_u16(block, H_LIST + L_COUNT);
    if count != Some(recs_per_extent_block(block.len())) {
        return Err(bad("ocfs2_extent_list.l_count"));
    }
    ExtentList::decode(block, &place_of(block, blkno, depth, range), geo)
}

/// Looks again at an extent block that [`decode_extent_block`] found good.
pub fn recall_extent_block(
    block: &[u8],
    blkno: u64,
    depth: u16,
    range: (u32, u32),
) -> Result<ExtentList<'_>> {
    ExtentList::recall(block, &place_of(block, blkno, depth, range))
}

fn place_of(block: &[u8], blkno: u64, depth: u16, range: (u32, u32)) -> Place {
    Place {
        blkno,
        off: H_LIST,
        end: block.len(),
        depth: Some(depth),
        range,
    }
}

/// `h_next_leaf_blk` of an extent block: the leaf to the right, 0 at the end.
pub fn next_leaf(block: &[u8]) -> u64 {
    get_u64(block, H_NEXT_LEAF_BLK).unwrap_or(0)
}

/// Sets `h_next_leaf_blk`.
pub fn set_next_leaf(block: &mut (impl BlockBytes + ?Sized), blkno: u64) {
    let _ = put_u64(block, H_NEXT_LEAF_BLK, blkno);
}

/// Where an extent block came from, for giving it back to its allocator.
pub fn extent_block_suballoc(block: &[u8]) -> Option<Suballoc> {
    Some(Suballoc {
        blkno: get_u64(block, H_BLKNO)?,
        slot: get_u16(block, H_SUBALLOC_SLOT)?,
        bit: get_u16(block, H_SUBALLOC_BIT)?,
        loc: get_u64(block, H_SUBALLOC_LOC)?,
    })
}

/// Makes `block` an extent block of depth `depth` without records.
pub fn init_extent_block(
    block: &mut (impl BlockBytes + ?Sized),
    from: &Suballoc,
    fs_generation: u32,
    depth: u16,
) {
    zero_from(block, 0);
    let count = recs_per_extent_block(block.bytes().len());
    let _ = put(block, 0, &EXTENT_BLOCK_SIGNATURE);
    let _ = put_u16(block, H_SUBALLOC_SLOT, from.slot);
    let _ = put_u16(block, H_SUBALLOC_BIT, from.bit);
    let _ = put_u32(block, H_FS_GENERATION, fs_generation);
    let _ = put_u64(block, H_BLKNO, from.blkno);
    let _ = put_u64(block, H_SUBALLOC_LOC, from.loc);
    let _ = put_u16(block, H_LIST + L_TREE_DEPTH, depth);
    let _ = put_u16(block, H_LIST + L_COUNT, count);
}
