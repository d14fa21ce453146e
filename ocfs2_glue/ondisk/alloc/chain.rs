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
//! A chain's record says how many bits the chain has, and the volume's size how many groups there
//! can be. A walk that sees more of either has found a chain that bites its tail, and ends with an
//! error.
//!
//! Facts: `srctree/fs/ocfs2/ocfs2_fs.h`, `srctree/fs/ocfs2/suballoc.c`. A chain without groups
//! can lie between others: the in-tree driver leaves them when it gives a group back.
//!
//! Doesn't support: moving a group to the head of its chain; giving groups back.

use super::base::error::{Corrupt, Result};
use super::base::geometry::Geometry;
use super::base::store::{Blocks, Checked, Journaled, Suballoc};
use super::chain_list::{set_counts, ChainList, Growth};
use super::group::{self, Group, NewGroup, Owner, Piece, Run, Unit};

/// Most runs of bits that one reserve is made of, and so the number of blocks that can always be
/// had, however they lie. A tree that grows needs fewer.
pub const MAX_RUNS: usize = 8;

/// Groups that a search reads before it is content with a run that is shorter than wanted.
const PATIENCE: u32 = 16;

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

    /// The clusters that it stands for, of the global bitmap.
    pub const fn piece(&self) -> Piece {
        Piece {
            blkno: self.blkno,
            clusters: self.run.bits,
        }
    }

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

    /// The list of an allocator's dinode, checked once.
    fn list<'a, S: Blocks>(&self, store: &'a S, dinode: &'a S::Block) -> Result<ChainList<'a>> {
        if store.is_checked(dinode, Checked::Chains) {
            return ChainList::recall(store.bytes(dinode));
        }
        let list = self.decode(store.bytes(dinode))?;
        store.set_checked(dinode, Checked::Chains);
        Ok(list)
    }

    /// A group's descriptor, checked once; its bits are counted only if they have to be.
    fn group<'a, S: Blocks>(
        &self,
        store: &'a S,
        block: &'a S::Block,
        at: u64,
        owner: &Owner,
        counted: bool,
    ) -> Result<Group<'a>> {
        let bytes = store.bytes(block);
        let group = if store.is_checked(block, Checked::Group) {
            Group::recall(bytes, at, owner)?
        } else {
            let group = Group::decode_header(bytes, at, owner, self.geo)?;
            store.set_checked(block, Checked::Group);
            group
        };
        if counted && !store.is_checked(block, Checked::Bits) {
            group.check_bits()?;
            store.set_checked(block, Checked::Bits);
        }
        Ok(group)
    }

    /// Clear bits in the whole allocator.
    pub fn free_bits<S: Blocks>(&self, store: &S, dinode: &S::Block) -> Result<u32> {
        self.list(store, dinode).map(|list| list.free())
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
        let list = self.list(store, dinode)?;
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
        let list = self.list(store, dinode)?;
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
        let list = self.list(store, dinode)?;
        let Some(chain) = list.chain(i) else {
            return Ok(());
        };
        let owner = list.owner(self.unit, Some(i));
        let bad = |field| Corrupt::new(owner.dinode, field);
        if chain.free < u32::from(search.min) {
            return Ok(());
        }
        let most = list.most_groups(self.geo);
        let (mut free, mut total, mut at) = (0u32, 0u32, chain.blkno);
        while at != 0 {
            if search.seen >= most {
                return Err(Corrupt::new(at, "ocfs2_group_desc.bg_next_group").into());
            }
            let block = self.read(store, at)?;
            let group = self.group(store, &block, at, &owner, true)?;
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
            store.release(block);
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
        let better = |f: &Found| search.best.is_none_or(|best| f.run.bits > best.run.bits);
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
        let mut taken = [Run { bit: 0, bits: 0 }; MAX_RUNS];
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
        let list = self.list(store, dinode)?;
        let cluster = goal.and_then(|blkno| self.geo.block_to_cluster(blkno));
        let Some(cluster) = cluster.filter(|_| self.unit == Unit::Clusters) else {
            return Ok(None);
        };
        let owner = list.owner(self.unit, None);
        let Some((at, bit)) = group::group_of_cluster(cluster, list.cpg, self.geo) else {
            return Ok(None);
        };
        let block = self.read(store, at)?;
        let list = self.list(store, dinode)?;
        let group = self.group(store, &block, at, &owner, false)?;
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
        let list = self.list(store, dinode)?;
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
        let owner = self.list(store, dinode)?.owner(self.unit, None);
        let mut block = self.read(store, at)?;
        let list = self.list(store, dinode)?;
        let group = self.group(store, &block, at, &owner, false)?;
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
        store.update(dinode, |b| set_counts(b, chain_no, free, used))
    }

    /// Clusters in a row, in the global bitmap, that a new group of this suballocator takes.
    ///
    /// Fails where adding the group would, for what the dinode says: before anything is claimed.
    pub fn group_clusters(&self, dinode: &[u8]) -> Result<u16> {
        let list = self.decode(dinode)?;
        Growth::plan(&list, self.geo, self.unit)
            .map_err(|field| Corrupt::new(list.blkno, field))?;
        Ok(list.cpg)
    }

    /// Adds a group in one piece to a suballocator: as [`Self::add_group_of`], from `cluster` on.
    pub fn add_group<S: Journaled>(
        &self,
        store: &mut S,
        dinode: &mut S::Block,
        cluster: u32,
    ) -> Result<(), S::Error> {
        let clusters = self.group_clusters(store.bytes(dinode))?;
        let blkno = self.geo.clusters_to_blocks(cluster);
        self.add_group_of(store, dinode, &[Piece { blkno, clusters }])
    }

    /// Adds a group to a suballocator that is full, or still has none.
    ///
    /// `pieces` are clusters that were claimed in the global bitmap in this transaction:
    /// [`Self::group_clusters`] in a row, or on a volume that allows it as many in several pieces.
    /// Creates one block and updates the dinode; the group goes to the front of the shortest chain,
    /// as the in-tree driver has it, so that no chain gets longer than fsck.ocfs2 expects.
    pub fn add_group_of<S: Journaled>(
        &self,
        store: &mut S,
        dinode: &mut S::Block,
        pieces: &[Piece],
    ) -> Result<(), S::Error> {
        let list = self.list(store, dinode)?;
        let bad = |field| Corrupt::new(list.blkno, field);
        let grow = Growth::plan(&list, self.geo, self.unit).map_err(bad)?;
        let owner = list.owner(self.unit, Some(grow.chain));
        let clusters = pieces.iter().map(|piece| u32::from(piece.clusters)).sum();
        let fits = pieces.iter().all(|piece| self.is_on_volume(piece));
        let Some(first) = pieces.first().filter(|_| fits) else {
            return Err(bad("ocfs2_group_desc.bg_blkno").into());
        };
        if u32::from(list.cpg) != clusters || pieces.len() > group::max_pieces(self.geo) {
            return Err(bad("ocfs2_group_desc.bg_list").into());
        }
        let new = NewGroup {
            pieces,
            chain: grow.chain,
            next: grow.next,
        };
        let mut block = store.create(first.blkno)?;
        let geo = self.geo;
        store.update(&mut block, |b| group::init(b, &new, &owner, geo))?;
        store.update(dinode, |b| grow.write(b, first.blkno))
    }

    /// Whether a piece is whole clusters of the volume.
    fn is_on_volume(&self, piece: &Piece) -> bool {
        let cluster = self.geo.block_to_cluster(piece.blkno);
        self.geo.is_block(piece.blkno)
            && cluster.is_some_and(|first| {
                let end = first.checked_add(piece.clusters.into());
                self.geo.clusters_to_blocks(first) == piece.blkno
                    && end.is_some_and(|end| end <= self.geo.clusters)
            })
    }
}
