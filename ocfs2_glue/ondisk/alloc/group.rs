// SPDX-License-Identifier: GPL-2.0-only
//! Block groups: a descriptor with a bitmap (`ocfs2_group_desc`).
//!
//! The global bitmap is made of cluster groups, a bit for each cluster; the descriptor of all but
//! the first lies in the first cluster of its group. A suballocator (`inode_alloc`,
//! `extent_alloc`) is made of block groups, a bit for each block, and the descriptor is the
//! group's first block. With the discontig-bg feature a block group may be in several pieces,
//! listed in `bg_list`; bits count through the pieces in order.
//!
//! Facts: `srctree/fs/ocfs2/ocfs2_fs.h`, `srctree/fs/ocfs2/suballoc.c`.

use super::base::bytes::{
    get_u16, get_u32, get_u64, put, put_u16, put_u32, put_u64, zero_from, BlockBytes,
};
use super::base::error::{Corrupt, Result};
use super::base::geometry::Geometry;
use super::extent::list::{ExtentList, Header, Place};

/// `OCFS2_GROUP_DESC_SIGNATURE`, as `bg_signature` holds it.
pub const GROUP_DESC_SIGNATURE: [u8; 8] = *b"GROUP01\0";
/// `OCFS2_MAX_BG_BITMAP_SIZE`: bytes of bitmap in a block group that can be discontiguous.
pub const MAX_BG_BITMAP_SIZE: usize = 256;

const BG_SIZE: usize = 0x08;
const BG_BITS: usize = 0x0A;
const BG_FREE_BITS_COUNT: usize = 0x0C;
const BG_CHAIN: usize = 0x0E;
const BG_GENERATION: usize = 0x10;
const BG_CONTIG_FREE_BITS: usize = 0x14;
const BG_NEXT_GROUP: usize = 0x18;
const BG_PARENT_DINODE: usize = 0x20;
const BG_BLKNO: usize = 0x28;
const BG_BITMAP: usize = 0x40;
const BG_LIST: usize = 0x140;
const L_COUNT: usize = 0x02;
const L_NEXT_FREE_REC: usize = 0x04;
const L_RECS: usize = 0x10;
const EXTENT_REC: usize = 16;
const E_LEAF_CLUSTERS: usize = 0x04;
const E_BLKNO: usize = 0x08;

/// What the bits of an allocator stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Clusters of the volume: the global bitmap.
    Clusters,
    /// Blocks for inodes or other metadata: a suballocator.
    Blocks,
}

/// What the owner of a group says about it.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// Block of the allocator's dinode.
    pub dinode: u64,
    /// What its bits stand for.
    pub unit: Unit,
    /// `cl_cpg`: clusters in a group.
    pub cpg: u16,
    /// `cl_bpc`: bits for a cluster.
    pub bpc: u16,
    /// Chain that the group was found on; `None` if it was found by its place on the volume.
    pub chain: Option<u16>,
}

impl Owner {
    /// Bits of a full group.
    pub const fn bits(&self) -> u32 {
        self.cpg as u32 * self.bpc as u32
    }
}

/// Bytes of bitmap that a group may have (`ocfs2_group_bitmap_size()`).
pub const fn bitmap_size(unit: Unit, geo: &Geometry) -> usize {
    match unit {
        Unit::Blocks if geo.discontig_bg() => MAX_BG_BITMAP_SIZE,
        _ => geo.block_size() - BG_BITMAP,
    }
}

/// A run of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First bit within the group.
    pub bit: u16,
    /// How many.
    pub bits: u16,
}

impl Run {
    /// First bit after the run.
    pub const fn end(&self) -> u32 {
        self.bit as u32 + self.bits as u32
    }

    const fn has(&self, bit: u32) -> bool {
        bit >= self.bit as u32 && bit < self.end()
    }

    /// Bits `begin..end` of a group, which has no more than a `u16` can count.
    const fn between(begin: u32, end: u32) -> Self {
        Self {
            bit: begin as u16,
            bits: end.saturating_sub(begin) as u16,
        }
    }
}

/// A group descriptor that passed every check.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    block: &'a [u8],
    /// Where the descriptor lies.
    pub blkno: u64,
    /// `bg_bits`, more than 0.
    pub bits: u16,
    /// `bg_free_bits_count`; never more than there are clear bits if these were counted.
    pub free: u16,
    /// `bg_chain`.
    pub chain: u16,
    /// `bg_contig_free_bits`: longest run of clear bits in a cluster group; 0 for not known.
    pub contig: u16,
    /// `bg_next_group`, 0 at the end of the chain.
    pub next: u64,
    /// `bg_list` of a discontiguous group.
    pieces: Option<Header>,
}

impl<'a> Group<'a> {
    /// Checks the descriptor in `block`, read from `blkno`.
    pub fn decode(block: &'a [u8], blkno: u64, owner: &Owner, geo: &Geometry) -> Result<Self> {
        let group = Self::decode_header(block, blkno, owner, geo)?;
        group.check_bits()?;
        Ok(group)
    }

    /// Counts the bits: there must be as many clear ones as the descriptor says, or more.
    pub(super) fn check_bits(&self) -> Result<()> {
        if u32::from(self.free) > self.count_clear() {
            let field = "ocfs2_group_desc.bg_free_bits_count";
            return Err(Corrupt::new(self.blkno, field));
        }
        Ok(())
    }

    /// Looks again at a descriptor that [`Self::decode_header`] found good, for the same owner.
    pub(super) fn recall(block: &'a [u8], blkno: u64, owner: &Owner) -> Result<Self> {
        let bad = |field| Corrupt::new(blkno, field);
        let short = bad("ocfs2_group_desc");
        let size = get_u16(block, BG_SIZE).ok_or(short)?;
        let mut group = Self {
            block,
            blkno,
            bits: get_u16(block, BG_BITS).ok_or(short)?,
            free: get_u16(block, BG_FREE_BITS_COUNT).ok_or(short)?,
            chain: get_u16(block, BG_CHAIN).ok_or(short)?,
            contig: get_u16(block, BG_CONTIG_FREE_BITS).ok_or(short)?,
            next: get_u64(block, BG_NEXT_GROUP).ok_or(short)?,
            pieces: None,
        };
        if owner.chain.is_some_and(|expected| group.chain != expected) {
            return Err(bad("ocfs2_group_desc.bg_chain"));
        }
        if owner.unit == Unit::Blocks && group.lists_pieces(usize::from(size)) {
            let list = ExtentList::recall(block, &group.pieces_at(owner))?;
            group.pieces = Some(list.head());
        }
        Ok(group)
    }

    /// Whether a block group of this `bg_size` has `bg_list`.
    fn lists_pieces(&self, size: usize) -> bool {
        let used = get_u16(self.block, BG_LIST + L_NEXT_FREE_REC).unwrap_or(0);
        size == MAX_BG_BITMAP_SIZE && used != 0
    }

    /// Where `bg_list` is.
    fn pieces_at(&self, owner: &Owner) -> Place {
        Place {
            blkno: self.blkno,
            off: BG_LIST,
            end: self.block.len(),
            depth: Some(0),
            range: (0, u32::from(owner.cpg)),
        }
    }

    /// The same, without counting the bits: for who looks at some of them by themselves, and
    /// doesn't choose the group for their number.
    pub fn decode_header(
        block: &'a [u8],
        blkno: u64,
        owner: &Owner,
        geo: &Geometry,
    ) -> Result<Self> {
        let bad = |field| Corrupt::new(blkno, field);
        let short = bad("ocfs2_group_desc");
        if block.get(..8) != Some(&GROUP_DESC_SIGNATURE[..]) {
            return Err(bad("ocfs2_group_desc.bg_signature"));
        }
        if get_u64(block, BG_BLKNO) != Some(blkno) {
            return Err(bad("ocfs2_group_desc.bg_blkno"));
        }
        if get_u32(block, BG_GENERATION) != Some(geo.fs_generation) {
            return Err(bad("ocfs2_group_desc.bg_generation"));
        }
        if get_u64(block, BG_PARENT_DINODE) != Some(owner.dinode) {
            return Err(bad("ocfs2_group_desc.bg_parent_dinode"));
        }
        let chain = get_u16(block, BG_CHAIN).ok_or(short)?;
        if owner.chain.is_some_and(|expected| chain != expected) {
            return Err(bad("ocfs2_group_desc.bg_chain"));
        }
        let size = get_u16(block, BG_SIZE).ok_or(short)?;
        if usize::from(size) > bitmap_size(owner.unit, geo) {
            return Err(bad("ocfs2_group_desc.bg_size"));
        }
        let bits = get_u16(block, BG_BITS).ok_or(short)?;
        if bits == 0 || u32::from(bits) > u32::from(size) * 8 || u32::from(bits) > owner.bits() {
            return Err(bad("ocfs2_group_desc.bg_bits"));
        }
        let next = get_u64(block, BG_NEXT_GROUP).ok_or(short)?;
        if !geo.is_block_or_none(next) || next == blkno {
            return Err(bad("ocfs2_group_desc.bg_next_group"));
        }
        let free = get_u16(block, BG_FREE_BITS_COUNT).ok_or(short)?;
        let contig = get_u16(block, BG_CONTIG_FREE_BITS).ok_or(short)?;
        let mut group = Self {
            block,
            blkno,
            bits,
            free,
            chain,
            contig,
            next,
            pieces: None,
        };
        match owner.unit {
            Unit::Clusters => group.check_clusters(owner, geo)?,
            Unit::Blocks => group.check_pieces(owner, geo, usize::from(size))?,
        }
        Ok(group)
    }

    /// A cluster group lies where its clusters are.
    fn check_clusters(&self, owner: &Owner, geo: &Geometry) -> Result<()> {
        let first = first_cluster(self.blkno, geo);
        let aligned = self.blkno == geo.first_cluster_group
            || geo.clusters_to_blocks(first.unwrap_or(0)) == self.blkno;
        let whole = first.is_some_and(|c| owner.cpg > 0 && c % u32::from(owner.cpg) == 0);
        if !aligned || !whole {
            return Err(Corrupt::new(self.blkno, "ocfs2_group_desc.bg_blkno"));
        }
        Ok(())
    }

    /// A block group is one run of clusters, or pieces that together have all its bits.
    fn check_pieces(&mut self, owner: &Owner, geo: &Geometry, size: usize) -> Result<()> {
        let bad = |field| Corrupt::new(self.blkno, field);
        if !self.lists_pieces(size) {
            let end = self.blkno.saturating_add(u64::from(self.bits));
            if end > geo.blocks() {
                return Err(bad("ocfs2_group_desc.bg_bits"));
            }
            return Ok(());
        }
        let list = ExtentList::decode(self.block, &self.pieces_at(owner), geo)?;
        let mut clusters = 0;
        for rec in list.leaves() {
            let first_piece = clusters == 0;
            if rec.cpos != clusters || (first_piece && rec.blkno != self.blkno) {
                return Err(bad("ocfs2_group_desc.bg_list"));
            }
            clusters = rec.end();
        }
        if clusters * u32::from(owner.bpc) != u32::from(self.bits) || list.has_empty() {
            return Err(bad("ocfs2_group_desc.bg_list"));
        }
        self.pieces = Some(list.head());
        Ok(())
    }

    /// Whether the group is in pieces, so that blocks in it have to name it (`*_suballoc_loc`).
    pub const fn is_discontig(&self) -> bool {
        self.pieces.is_some()
    }

    /// The bitmap, with bits past `bg_bits` in its last byte.
    pub fn bitmap(&self) -> &'a [u8] {
        let bytes = usize::from(self.bits).div_ceil(8);
        self.block.get(BG_BITMAP..BG_BITMAP + bytes).unwrap_or(&[])
    }

    fn count_clear(&self) -> u32 {
        let map = self.bitmap();
        let words = map.chunks_exact(8);
        let rest: u32 = words
            .remainder()
            .iter()
            .map(|byte| byte.count_zeros())
            .sum();
        let clear = rest + words.map(|chunk| word(chunk).count_zeros()).sum::<u32>();
        // Those past `bg_bits`, in the last byte.
        let over = (map.len() as u32 * 8).saturating_sub(self.bits.into());
        let last = map.last().map_or(0, |last| u32::from(*last));
        clear - (over - (last >> (8 - over)).count_ones())
    }

    /// Whether every bit of `run` is in the group and as `set` says.
    pub fn all(&self, run: Run, set: bool) -> bool {
        let end = run.end();
        end <= u32::from(self.bits) && next(self.bitmap(), run.bit.into(), end, !set) == end
    }

    /// Looks in bits `from..limit` for clear bits in a row: the first run of `want`, or else the
    /// longest run there is. Bits of `taken` count as set.
    pub fn find_clear(&self, from: u16, limit: u16, want: u16, taken: &[Run]) -> Option<Run> {
        let map = self.bitmap();
        let limit = u32::from(limit.min(self.bits));
        let want = u32::from(want);
        let mut best: Option<Run> = None;
        let mut at = u32::from(from);
        while best.is_none_or(|best| u32::from(best.bits) < want) {
            let begin = next(map, at, limit, false);
            if begin >= limit {
                break;
            }
            let mut end = next(map, begin, limit.min(begin.saturating_add(want)), true);
            // What is taken cuts the run short, or ends where the next one may begin.
            let others = || taken.iter().filter(|other| other.bits > 0);
            if let Some(other) = others().find(|other| other.has(begin)) {
                at = other.end();
                continue;
            }
            for other in others().filter(|other| u32::from(other.bit) > begin) {
                end = end.min(other.bit.into());
            }
            let run = Run::between(begin, end);
            if run.bits > best.map_or(0, |best| best.bits) {
                best = Some(run);
            }
            at = end.max(begin + 1);
        }
        best
    }

    /// Length of the longest run of clear bits.
    pub fn longest_clear(&self) -> u16 {
        self.find_clear(0, self.bits, u16::MAX, &[])
            .map_or(0, |run| run.bits)
    }

    /// Block of the volume that `bit` of a block group stands for, and how many bits from there
    /// are on blocks in a row.
    pub fn block_of(&self, bit: u16, bpc: u16, geo: &Geometry) -> Option<(u64, u16)> {
        if bit >= self.bits {
            return None;
        }
        let Some(head) = self.pieces else {
            return Some((self.blkno + u64::from(bit), self.bits - bit));
        };
        let cpos = u32::from(bit) / u32::from(bpc.max(1));
        let list = ExtentList::again(self.block, head);
        let rec = list.leaf(list.at_or_before(cpos)?)?;
        let first = rec.cpos * u32::from(bpc);
        let end = rec.end() * u32::from(bpc);
        let skip = u32::from(bit).checked_sub(first)?;
        let left = u16::try_from(end.checked_sub(u32::from(bit))?).ok()?;
        let blkno = rec.blkno + u64::from(skip);
        (left > 0 && geo.is_block(blkno)).then_some((blkno, left))
    }
}

/// Cluster that bit 0 of the cluster group at `blkno` stands for (`ocfs2_cluster_from_desc()`).
pub fn first_cluster(blkno: u64, geo: &Geometry) -> Option<u32> {
    if blkno == geo.first_cluster_group {
        Some(0)
    } else {
        geo.block_to_cluster(blkno)
    }
}

/// Block of the cluster group that has `cluster`, and its bit there
/// (`ocfs2_which_cluster_group()`, `ocfs2_block_to_cluster_group()`).
pub fn group_of_cluster(cluster: u32, cpg: u16, geo: &Geometry) -> Option<(u64, u16)> {
    let cpg = u32::from(cpg);
    let bit = u16::try_from(cluster.checked_rem(cpg)?).ok()?;
    let first = cluster - u32::from(bit);
    let blkno = if first == 0 {
        geo.first_cluster_group
    } else {
        geo.clusters_to_blocks(first)
    };
    Some((blkno, bit))
}

/// Bits that are looked at at a time: a bitmap has tens of thousands.
const WORD: u32 = u64::BITS;

/// Eight bytes of a bitmap. Past its end all bits are set.
fn word(chunk: &[u8]) -> u64 {
    if let Ok(whole) = chunk.try_into() {
        return u64::from_le_bytes(whole);
    }
    let mut bytes = [0xFF; 8];
    for (to, from) in bytes.iter_mut().zip(chunk) {
        *to = *from;
    }
    u64::from_le_bytes(bytes)
}

/// The first bit of `from..limit` that is as `set` says, or `limit`.
fn next(map: &[u8], from: u32, limit: u32, set: bool) -> u32 {
    let flip = if set { 0 } else { u64::MAX };
    let mut at = from - from % WORD;
    let end = map.len().min(limit.div_ceil(WORD) as usize * 8);
    let words = map.get(at as usize / 8..end).unwrap_or(&[]);
    let (whole, rest) = words.split_at(words.len() - words.len() % 8);
    let mut mask = u64::MAX << (from % WORD);
    for chunk in whole.chunks_exact(8).chain(rest.chunks(8)) {
        let bits = (word(chunk) ^ flip) & mask;
        if bits != 0 {
            return limit.min(at + bits.trailing_zeros());
        }
        mask = u64::MAX;
        at += WORD;
    }
    limit
}

/// Sets or clears `run` in a descriptor that was decoded, and keeps its counts.
///
/// The caller has checked that the bits are in the group and all the other way round. The longest
/// free run is recorded for cluster groups only, as the in-tree driver does.
pub(super) fn change_bits(block: &mut (impl BlockBytes + ?Sized), run: Run, set: bool, unit: Unit) {
    let free = get_u16(block.bytes(), BG_FREE_BITS_COUNT).unwrap_or(0);
    let bits = get_u16(block.bytes(), BG_BITS).unwrap_or(0);
    let first = BG_BITMAP + usize::from(run.bit) / 8;
    let end = BG_BITMAP + (run.end() as usize).div_ceil(8);
    if let Some(bytes) = block.part(first..end) {
        for bit in (usize::from(run.bit) % 8..).take(usize::from(run.bits)) {
            if let Some(byte) = bytes.get_mut(bit / 8) {
                let mask = 1 << (bit % 8);
                *byte = if set { *byte | mask } else { *byte & !mask };
            }
        }
    }
    let free = if set {
        free.saturating_sub(run.bits)
    } else {
        free.saturating_add(run.bits)
    };
    let _ = put_u16(block, BG_FREE_BITS_COUNT, free);
    let contig = match unit {
        Unit::Blocks => 0,
        Unit::Clusters => {
            let group = Group {
                block: block.bytes(),
                blkno: 0,
                bits,
                free,
                chain: 0,
                contig: 0,
                next: 0,
                pieces: None,
            };
            group.longest_clear()
        }
    };
    let _ = put_u16(block, BG_CONTIG_FREE_BITS, contig);
}

/// A run of clusters that a block group is made of, in whole or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First block.
    pub blkno: u64,
    /// How many clusters.
    pub clusters: u16,
}

/// Most pieces that a group on this volume can be in (`ocfs2_extent_recs_per_gd()`).
pub const fn max_pieces(geo: &Geometry) -> usize {
    if geo.discontig_bg() {
        geo.block_size().saturating_sub(BG_LIST + L_RECS) / EXTENT_REC
    } else {
        1
    }
}

/// A block group to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewGroup<'p> {
    /// Its pieces; the first begins with the descriptor. Together they have all its clusters.
    pub pieces: &'p [Piece],
    /// Chain that it goes on, in front.
    pub chain: u16,
    /// The group that was first on the chain, 0 for none.
    pub next: u64,
}

/// Makes `block` the descriptor of a block group, empty but for the descriptor itself.
///
/// # Panics
///
/// Doesn't; an owner with more bits than fit gets a group that no decoder takes.
pub(super) fn init(
    block: &mut (impl BlockBytes + ?Sized),
    new: &NewGroup<'_>,
    owner: &Owner,
    geo: &Geometry,
) {
    let bits = u16::try_from(owner.bits()).unwrap_or(0);
    let size = u16::try_from(bitmap_size(Unit::Blocks, geo)).unwrap_or(0);
    let blkno = new.pieces.first().map_or(0, |piece| piece.blkno);
    zero_from(block, 0);
    let _ = put(block, 0, &GROUP_DESC_SIGNATURE);
    let _ = put_u16(block, BG_SIZE, size);
    let _ = put_u16(block, BG_BITS, bits);
    let _ = put_u16(block, BG_FREE_BITS_COUNT, bits.saturating_sub(1));
    let _ = put_u16(block, BG_CHAIN, new.chain);
    let _ = put_u32(block, BG_GENERATION, geo.fs_generation);
    let _ = put_u64(block, BG_NEXT_GROUP, new.next);
    let _ = put_u64(block, BG_PARENT_DINODE, owner.dinode);
    let _ = put_u64(block, BG_BLKNO, blkno);
    let _ = put(block, BG_BITMAP, &[1]);
    if new.pieces.len() > 1 {
        list_pieces(block, new.pieces, geo);
    }
}

/// Fills `bg_list`. A group that isn't in pieces has none.
fn list_pieces(block: &mut (impl BlockBytes + ?Sized), pieces: &[Piece], geo: &Geometry) {
    let number = |count: usize| u16::try_from(count).unwrap_or(0);
    let _ = put_u16(block, BG_LIST + L_COUNT, number(max_pieces(geo)));
    let _ = put_u16(block, BG_LIST + L_NEXT_FREE_REC, number(pieces.len()));
    let mut cpos = 0u32;
    for (i, piece) in pieces.iter().enumerate() {
        let at = BG_LIST + L_RECS + i * EXTENT_REC;
        let _ = put_u32(block, at, cpos);
        let _ = put_u16(block, at + E_LEAF_CLUSTERS, piece.clusters);
        let _ = put_u64(block, at + E_BLKNO, piece.blkno);
        cpos = cpos.saturating_add(piece.clusters.into());
    }
}
