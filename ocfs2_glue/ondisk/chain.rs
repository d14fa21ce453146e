// SPDX-License-Identifier: GPL-2.0-only
//! Chain allocators: the global bitmap and the suballocators (`ocfs2_chain_list`).
//!
//! # Model
//!
//! The dinode of an allocator has a list of chains, each the head of a linked list of groups
//! ([`super::group`]). Every count is kept three times: in the group, in the chain's record, and
//! in the dinode (`id1.bitmap1`). All three change in one transaction.
//!
//! Allocating has two halves. [`Allocator::find`] reads and decides; it runs before the
//! transaction. [`Allocator::claim`] changes two blocks, checks again what it is about to change,
//! and after that can fail only with the device or the journal. Between the two the caller holds
//! the cluster lock and the mutex of the allocator's inode.
//!
//! # Bounds
//!
//! Every group has at least one bit, and a chain's record says how many bits the chain has: a
//! walk that sees more has found a chain that bites its tail, and ends with an error.
//!
//! Facts: `srctree/fs/ocfs2/ocfs2_fs.h`, `srctree/fs/ocfs2/suballoc.c`. A chain without groups
//! can lie between others: the in-tree driver leaves them when it gives a group back.
//!
//! Doesn't support: moving a group to the head of its chain; giving groups back; new groups in
//! pieces.

use super::bytes::{get_u16, get_u32, get_u64, put_u16, put_u32, put_u64};
use super::error::{Corrupt, Result};
use super::geometry::Geometry;
use super::group::{self, Group, NewGroup, Owner, Run, Unit};
use super::store::{Blocks, Journaled, Suballoc};
use super::suballoc::Reserve;

const I_CLUSTERS: usize = 0x14;
const I_SIZE: usize = 0x20;
const I_FLAGS: usize = 0x2C;
const I_BLKNO: usize = 0x50;
const I_USED: usize = 0xB8;
const I_TOTAL: usize = 0xBC;
const I_CHAIN: usize = 0xC0;

const CL_CPG: usize = I_CHAIN;
const CL_BPC: usize = I_CHAIN + 2;
const CL_COUNT: usize = I_CHAIN + 4;
const CL_NEXT_FREE_REC: usize = I_CHAIN + 6;
const CL_RECS: usize = I_CHAIN + 0x10;
const CHAIN_REC: usize = 16;

/// `OCFS2_BITMAP_FL | OCFS2_CHAIN_FL`.
const CHAIN_FLAGS: u32 = 0x80 | 0x400;

/// Groups that a search reads before it is content with a run that is shorter than wanted.
const PATIENCE: u32 = 16;

/// A record of the chain list (`ocfs2_chain_rec`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Clear bits in all its groups.
    pub free: u32,
    /// Bits in all its groups.
    pub total: u32,
    /// Block of the first group's descriptor; 0 if the chain has none.
    pub blkno: u64,
}

/// The allocator's dinode, checked as far as its own block goes.
#[derive(Clone, Copy)]
pub struct ChainList<'a> {
    block: &'a [u8],
    /// `i_blkno`.
    pub blkno: u64,
    /// `cl_cpg`: clusters in a group.
    pub cpg: u16,
    /// `cl_bpc`: bits for a cluster.
    pub bpc: u16,
    /// `cl_count`: records that the list has room for.
    pub count: u16,
    /// `cl_next_free_rec`: records in use.
    pub next_free: u16,
    /// `id1.bitmap1.i_used`: bits in use.
    pub used: u32,
    /// `id1.bitmap1.i_total`: bits in all.
    pub total: u32,
}

impl<'a> ChainList<'a> {
    /// Checks an allocator's dinode whose header was decoded before.
    pub fn decode(block: &'a [u8], unit: Unit, geo: &Geometry) -> Result<Self> {
        let blkno = get_u64(block, I_BLKNO).unwrap_or(0);
        let bad = |field| Corrupt::new(blkno, field);
        let short = bad("ocfs2_chain_list");
        let flags = get_u32(block, I_FLAGS).ok_or(short)?;
        if flags & CHAIN_FLAGS != CHAIN_FLAGS {
            return Err(bad("ocfs2_dinode.i_flags"));
        }
        let list = Self {
            block,
            blkno,
            cpg: get_u16(block, CL_CPG).ok_or(short)?,
            bpc: get_u16(block, CL_BPC).ok_or(short)?,
            count: get_u16(block, CL_COUNT).ok_or(short)?,
            next_free: get_u16(block, CL_NEXT_FREE_REC).ok_or(short)?,
            used: get_u32(block, I_USED).ok_or(short)?,
            total: get_u32(block, I_TOTAL).ok_or(short)?,
        };
        let bpc = match unit {
            Unit::Clusters => 1,
            Unit::Blocks => geo.blocks_per_cluster(),
        };
        if u32::from(list.bpc) != bpc {
            return Err(bad("ocfs2_chain_list.cl_bpc"));
        }
        let most = (group::bitmap_size(unit, geo) * 8) as u32;
        if list.cpg == 0 || u32::from(list.cpg) * bpc > most {
            return Err(bad("ocfs2_chain_list.cl_cpg"));
        }
        if usize::from(list.count) > block.len().saturating_sub(CL_RECS) / CHAIN_REC {
            return Err(bad("ocfs2_chain_list.cl_count"));
        }
        if list.next_free > list.count {
            return Err(bad("ocfs2_chain_list.cl_next_free_rec"));
        }
        list.check_chains(geo)?;
        Ok(list)
    }

    fn check_chains(&self, geo: &Geometry) -> Result<()> {
        let bad = |field| Corrupt::new(self.blkno, field);
        let (mut free, mut total) = (0u32, 0u32);
        for i in 0..self.next_free {
            let chain = self.chain(i).ok_or(bad("ocfs2_chain_list.cl_recs"))?;
            if !geo.is_block_or_none(chain.blkno) {
                return Err(bad("ocfs2_chain_rec.c_blkno"));
            }
            if chain.free > chain.total {
                return Err(bad("ocfs2_chain_rec.c_free"));
            }
            if (chain.blkno == 0) != (chain.total == 0) {
                return Err(bad("ocfs2_chain_rec.c_total"));
            }
            free = free
                .checked_add(chain.free)
                .ok_or(bad("ocfs2_chain_rec.c_free"))?;
            total = total
                .checked_add(chain.total)
                .ok_or(bad("ocfs2_chain_rec.c_total"))?;
        }
        if total != self.total {
            return Err(bad("ocfs2_dinode.id1.bitmap1.i_total"));
        }
        if total - free != self.used {
            return Err(bad("ocfs2_dinode.id1.bitmap1.i_used"));
        }
        Ok(())
    }

    /// Record `i`, if it is in use.
    pub fn chain(&self, i: u16) -> Option<Chain> {
        if i >= self.next_free {
            return None;
        }
        let at = CL_RECS + usize::from(i) * CHAIN_REC;
        Some(Chain {
            free: get_u32(self.block, at)?,
            total: get_u32(self.block, at + 4)?,
            blkno: get_u64(self.block, at + 8)?,
        })
    }

    /// Clear bits in the whole allocator.
    pub const fn free(&self) -> u32 {
        self.total - self.used
    }

    fn owner(&self, unit: Unit, chain: Option<u16>) -> Owner {
        Owner {
            dinode: self.blkno,
            unit,
            cpg: self.cpg,
            bpc: self.bpc,
            chain,
        }
    }
}

/// Clear bits that a search has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Block of the group's descriptor.
    pub group: u64,
    /// Chain that the group is on.
    pub chain: u16,
    /// The bits.
    pub run: Run,
    /// First block of the volume that they stand for; for clusters, of the first cluster.
    pub blkno: u64,
    /// What `*_suballoc_loc` has to be: the group if it is in pieces, else 0.
    pub loc: u64,
}

impl Found {
    /// No bits at all.
    pub const NONE: Self = Self {
        group: 0,
        chain: 0,
        run: Run { bit: 0, bits: 0 },
        blkno: 0,
        loc: 0,
    };

    /// The first block, as its own header records where it is from.
    pub const fn suballoc(&self, slot: u16) -> Suballoc {
        Suballoc {
            blkno: self.blkno,
            slot,
            bit: self.run.bit,
            loc: self.loc,
        }
    }
}

/// Allocators of one kind on one volume.
///
/// The block of the allocator's dinode is handed to each operation.
#[derive(Clone, Copy, Debug)]
pub struct Allocator<'g> {
    geo: &'g Geometry,
    unit: Unit,
}

/// What is being looked for, and the best so far.
struct Search<'t> {
    want: u16,
    min: u16,
    taken: &'t [Found],
    best: Option<Found>,
    seen: u32,
}

impl<'t> Search<'t> {
    fn enough(&self) -> bool {
        self.best
            .is_some_and(|best| best.run.bits >= self.want || self.seen >= PATIENCE)
    }
}

impl<'g> Allocator<'g> {
    /// The global bitmap.
    pub const fn clusters(geo: &'g Geometry) -> Self {
        Self {
            geo,
            unit: Unit::Clusters,
        }
    }

    /// The suballocators.
    pub const fn blocks(geo: &'g Geometry) -> Self {
        Self {
            geo,
            unit: Unit::Blocks,
        }
    }

    /// Checks an allocator's dinode.
    pub fn decode<'a>(&self, block: &'a [u8]) -> Result<ChainList<'a>> {
        ChainList::decode(block, self.unit, self.geo)
    }

    /// Looks for `want` clear bits in a row, or at least `min` (both at least 1).
    ///
    /// `goal` is the block that the run would best begin at, as when a file grows. Changes
    /// nothing. `None` means that there is no run of `min`.
    pub fn find<S: Blocks>(
        &self,
        store: &mut S,
        dinode: &S::Block,
        want: u16,
        min: u16,
        goal: Option<u64>,
    ) -> Result<Option<Found>, S::Error> {
        self.find_besides(store, dinode, (want, min), goal, &[])
    }

    /// As [`Self::find`], for `(want, min)`, leaving out what is in `taken`.
    pub fn find_besides<S: Blocks>(
        &self,
        store: &mut S,
        dinode: &S::Block,
        (want, min): (u16, u16),
        goal: Option<u64>,
        taken: &[Found],
    ) -> Result<Option<Found>, S::Error> {
        let list = self.decode(store.bytes(dinode))?;
        let (used, min) = (list.next_free, min.max(1));
        let mut search = Search {
            want: want.max(min),
            min,
            taken,
            best: None,
            seen: 0,
        };
        if list.free() < u32::from(min) {
            return Ok(None);
        }
        if let Some(found) = self.find_at_goal(store, dinode, goal, &search)? {
            return Ok(Some(found));
        }
        // The emptiest chain first, as it is the likeliest to have a long run.
        let list = self.decode(store.bytes(dinode))?;
        let emptiest = (0..used).max_by_key(|i| list.chain(*i).map_or(0, |chain| chain.free));
        let others = (0..used).filter(|i| Some(*i) != emptiest);
        for i in emptiest.into_iter().chain(others) {
            self.search_chain(store, dinode, i, &mut search)?;
            if search.enough() {
                break;
            }
        }
        Ok(search.best)
    }

    /// Walks chain `i` until the search has enough.
    fn search_chain<S: Blocks>(
        &self,
        store: &mut S,
        dinode: &S::Block,
        i: u16,
        search: &mut Search<'_>,
    ) -> Result<(), S::Error> {
        let list = self.decode(store.bytes(dinode))?;
        let Some(chain) = list.chain(i) else {
            return Ok(());
        };
        let owner = list.owner(self.unit, Some(i));
        let bad = |field| Corrupt::new(owner.dinode, field);
        if chain.free < u32::from(search.min) {
            return Ok(());
        }
        let (mut free, mut total, mut at) = (0u32, 0u32, chain.blkno);
        while at != 0 {
            let block = self.read(store, at)?;
            let group = Group::decode(store.bytes(&block), at, &owner, self.geo)?;
            free = free.saturating_add(u32::from(group.free));
            total = total.saturating_add(u32::from(group.bits));
            if total > chain.total {
                return Err(bad("ocfs2_chain_rec.c_total").into());
            }
            if free > chain.free {
                return Err(bad("ocfs2_chain_rec.c_free").into());
            }
            search.seen += 1;
            self.search_group(&group, &owner, search);
            if search.enough() {
                return Ok(());
            }
            at = group.next;
        }
        if total != chain.total {
            return Err(bad("ocfs2_chain_rec.c_total").into());
        }
        if free != chain.free {
            return Err(bad("ocfs2_chain_rec.c_free").into());
        }
        Ok(())
    }

    fn search_group(&self, group: &Group<'_>, owner: &Owner, search: &mut Search<'_>) {
        let known_short = group.contig != 0 && group.contig < search.min;
        if group.free < search.min || known_short {
            return;
        }
        let found = self.look(group, owner, 0, search);
        let better = |f: &Found| search.best.map_or(true, |best| f.run.bits > best.run.bits);
        if let Some(found) = found.filter(better) {
            search.best = Some(found);
        }
    }

    /// Looks in one group, from bit `from` on.
    fn look(
        &self,
        group: &Group<'_>,
        owner: &Owner,
        from: u16,
        search: &Search<'_>,
    ) -> Option<Found> {
        let mut taken = [Run { bit: 0, bits: 0 }; Reserve::RUNS];
        let here = search.taken.iter().filter(|f| f.group == group.blkno);
        for (slot, found) in taken.iter_mut().zip(here) {
            *slot = found.run;
        }
        let want = search.want.min(group.free);
        let mut run = group.find_clear(from, self.limit(group), want, &taken)?;
        let blkno = match self.unit {
            Unit::Clusters => {
                let first = group::first_cluster(group.blkno, self.geo)?;
                self.geo
                    .clusters_to_blocks(first.checked_add(u32::from(run.bit))?)
            }
            Unit::Blocks => {
                let (blkno, left) = group.block_of(run.bit, owner.bpc, self.geo)?;
                run.bits = run.bits.min(left);
                blkno
            }
        };
        if run.bits < search.min {
            return None;
        }
        let loc = if group.is_discontig() { group.blkno } else { 0 };
        Some(Found {
            group: group.blkno,
            chain: group.chain,
            run,
            blkno,
            loc,
        })
    }

    /// Bits of the group that exist. The last cluster group may have been enlarged by a resize
    /// that never got as far as the superblock.
    fn limit(&self, group: &Group<'_>) -> u16 {
        if self.unit == Unit::Blocks {
            return group.bits;
        }
        let first = group::first_cluster(group.blkno, self.geo).unwrap_or(0);
        let left = self.geo.clusters.saturating_sub(first);
        u16::try_from(left).unwrap_or(u16::MAX).min(group.bits)
    }

    /// Looks right at `goal`, and behind it in the same group. Cluster groups only: they can be
    /// found by their place.
    fn find_at_goal<S: Blocks>(
        &self,
        store: &mut S,
        dinode: &S::Block,
        goal: Option<u64>,
        search: &Search<'_>,
    ) -> Result<Option<Found>, S::Error> {
        let list = self.decode(store.bytes(dinode))?;
        let cluster = goal.and_then(|blkno| self.geo.block_to_cluster(blkno));
        let Some(cluster) = cluster.filter(|_| self.unit == Unit::Clusters) else {
            return Ok(None);
        };
        let owner = list.owner(self.unit, None);
        let Some((at, bit)) = group::group_of_cluster(cluster, list.cpg, self.geo) else {
            return Ok(None);
        };
        let block = self.read(store, at)?;
        let list = self.decode(store.bytes(dinode))?;
        let group = Group::decode(store.bytes(&block), at, &owner, self.geo)?;
        if group.chain >= list.next_free {
            return Err(Corrupt::new(at, "ocfs2_group_desc.bg_chain").into());
        }
        if group.free < search.min {
            return Ok(None);
        }
        // A short run is welcome at the goal, where it makes an extent longer; elsewhere in the
        // group only a long one is.
        let found = self.look(&group, &owner, bit, search);
        Ok(found.filter(|f| f.run.bit == bit || f.run.bits >= search.want))
    }

    fn read<S: Blocks>(&self, store: &mut S, at: u64) -> Result<S::Block, S::Error> {
        if at >= store.blocks() || !self.geo.is_block(at) {
            return Err(Corrupt::new(at, "ocfs2_group_desc.bg_next_group").into());
        }
        store.read(at)
    }

    /// Takes the bits of `found`, which [`Self::find`] gave for this allocator under the same
    /// locks.
    ///
    /// Updates two blocks: the group and the dinode. Everything is checked before the first of
    /// them changes.
    pub fn claim<S: Journaled>(
        &self,
        store: &mut S,
        dinode: &mut S::Block,
        found: &Found,
    ) -> Result<(), S::Error> {
        self.change(store, dinode, found.group, found.run, true)
    }

    /// Gives bits back. `group` is the block of their group's descriptor.
    ///
    /// Updates two blocks, as [`Self::claim`] does.
    pub fn free<S: Journaled>(
        &self,
        store: &mut S,
        dinode: &mut S::Block,
        group: u64,
        run: Run,
    ) -> Result<(), S::Error> {
        self.change(store, dinode, group, run, false)
    }

    /// Gives `clusters` clusters of an extent back to the global bitmap, from `cluster` on. An
    /// extent is never in two groups.
    pub fn free_clusters<S: Journaled>(
        &self,
        store: &mut S,
        dinode: &mut S::Block,
        cluster: u32,
        clusters: u16,
    ) -> Result<(), S::Error> {
        let list = self.decode(store.bytes(dinode))?;
        let (group, bit) = group::group_of_cluster(cluster, list.cpg, self.geo)
            .ok_or(Corrupt::new(list.blkno, "ocfs2_chain_list.cl_cpg"))?;
        self.change(
            store,
            dinode,
            group,
            Run {
                bit,
                bits: clusters,
            },
            false,
        )
    }

    fn change<S: Journaled>(
        &self,
        store: &mut S,
        dinode: &mut S::Block,
        at: u64,
        run: Run,
        set: bool,
    ) -> Result<(), S::Error> {
        let owner = self.decode(store.bytes(dinode))?.owner(self.unit, None);
        let mut block = self.read(store, at)?;
        let list = self.decode(store.bytes(dinode))?;
        let group = Group::decode(store.bytes(&block), at, &owner, self.geo)?;
        let chain = list.chain(group.chain);
        let chain_no = group.chain;
        let Some(chain) = chain else {
            return Err(Corrupt::new(at, "ocfs2_group_desc.bg_chain").into());
        };
        let bits = u32::from(run.bits);
        if run.bits == 0 || run.end() > u32::from(self.limit(&group)) || !group.all(run, !set) {
            return Err(Corrupt::new(at, "ocfs2_group_desc.bg_bitmap").into());
        }
        let (free, used) = if set {
            if group.free < run.bits {
                return Err(Corrupt::new(at, "ocfs2_group_desc.bg_free_bits_count").into());
            }
            (chain.free.checked_sub(bits), list.used.checked_add(bits))
        } else {
            // Cannot be more than `bg_bits`: that many bits are set.
            (chain.free.checked_add(bits), list.used.checked_sub(bits))
        };
        let free = free
            .filter(|free| *free <= chain.total)
            .ok_or(Corrupt::new(owner.dinode, "ocfs2_chain_rec.c_free"))?;
        let used = used.ok_or(Corrupt::new(
            owner.dinode,
            "ocfs2_dinode.id1.bitmap1.i_used",
        ))?;
        let unit = self.unit;
        store.update(&mut block, |b| group::change_bits(b, run, set, unit))?;
        store.update(dinode, |b| {
            let _ = put_u32(b, CL_RECS + usize::from(chain_no) * CHAIN_REC, free);
            let _ = put_u32(b, I_USED, used);
        })
    }

    /// Clusters in a row, in the global bitmap, that a new group of this suballocator takes.
    pub fn group_clusters(&self, dinode: &[u8]) -> Result<u16> {
        Ok(self.decode(dinode)?.cpg)
    }

    /// Adds a group to a suballocator that is full, or still has none.
    ///
    /// `cluster` is the first of [`Self::group_clusters`] clusters in a row that were claimed in
    /// the global bitmap in this transaction. Creates one block and updates the dinode; the group
    /// goes to the front of the shortest chain, as the in-tree driver has it, so that no chain
    /// gets longer than fsck.ocfs2 expects.
    pub fn add_group<S: Journaled>(
        &self,
        store: &mut S,
        dinode: &mut S::Block,
        cluster: u32,
    ) -> Result<(), S::Error> {
        let list = self.decode(store.bytes(dinode))?;
        let bad = |field| Corrupt::new(list.blkno, field);
        let grow = Growth::plan(&list, self.geo, self.unit).map_err(bad)?;
        let owner = list.owner(self.unit, Some(grow.chain));
        let blkno = self.geo.clusters_to_blocks(cluster);
        let past = cluster.checked_add(u32::from(list.cpg));
        if !self.geo.is_block(blkno) || past.map_or(true, |end| end > self.geo.clusters) {
            return Err(bad("ocfs2_group_desc.bg_blkno").into());
        }
        let new = NewGroup {
            blkno,
            chain: grow.chain,
            next: grow.next,
        };
        let mut block = store.create(blkno)?;
        let geo = self.geo;
        store.update(&mut block, |b| group::init(b, &new, &owner, geo))?;
        store.update(dinode, |b| grow.write(b, blkno))
    }
}

/// The new counts of a suballocator that gets another group.
struct Growth {
    chain: u16,
    next: u64,
    free: u32,
    total: u32,
    next_free: u16,
    i_used: u32,
    i_total: u32,
    clusters: u32,
    size: u64,
}

impl Growth {
    fn plan(list: &ChainList<'_>, geo: &Geometry, unit: Unit) -> Result<Self, &'static str> {
        if unit != Unit::Blocks {
            return Err("ocfs2_dinode.i_flags");
        }
        let bits = u32::from(list.cpg) * u32::from(list.bpc);
        // The first of those with the fewest bits; a record that was never used has none.
        let candidates = 0..list.count.min(list.next_free.saturating_add(1));
        let none = Chain {
            free: 0,
            total: 0,
            blkno: 0,
        };
        let chain = candidates
            .min_by_key(|i| list.chain(*i).unwrap_or(none).total)
            .ok_or("ocfs2_chain_list.cl_count")?;
        let old = list.chain(chain).unwrap_or(none);
        let clusters = get_u32(list.block, I_CLUSTERS)
            .and_then(|clusters| clusters.checked_add(u32::from(list.cpg)))
            .ok_or("ocfs2_dinode.i_clusters")?;
        let sum = |a: u32, b: u32| a.checked_add(b).ok_or("ocfs2_dinode.id1.bitmap1.i_total");
        Ok(Self {
            chain,
            next: old.blkno,
            free: sum(old.free, bits - 1)?,
            total: sum(old.total, bits)?,
            next_free: list.next_free.max(chain + 1),
            i_used: sum(list.used, 1)?,
            i_total: sum(list.total, bits)?,
            clusters,
            size: u64::from(clusters) << geo.cluster_bits(),
        })
    }

    fn write(&self, block: &mut [u8], blkno: u64) {
        let at = CL_RECS + usize::from(self.chain) * CHAIN_REC;
        let _ = put_u32(block, at, self.free);
        let _ = put_u32(block, at + 4, self.total);
        let _ = put_u64(block, at + 8, blkno);
        let _ = put_u16(block, CL_NEXT_FREE_REC, self.next_free);
        let _ = put_u32(block, I_USED, self.i_used);
        let _ = put_u32(block, I_TOTAL, self.i_total);
        let _ = put_u32(block, I_CLUSTERS, self.clusters);
        let _ = put_u64(block, I_SIZE, self.size);
    }
}
