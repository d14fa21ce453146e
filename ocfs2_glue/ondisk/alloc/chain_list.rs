// SPDX-License-Identifier: GPL-2.0-only
//! The dinode of a chain allocator: its list of chains and its counts (`ocfs2_chain_list`).
//!
//! Facts: `srctree/fs/ocfs2/ocfs2_fs.h`, `srctree/fs/ocfs2/suballoc.c`.

use super::base::bytes::{get_u16, get_u32, get_u64, put_u16, put_u32, put_u64, BlockBytes};
use super::base::error::{Corrupt, Result};
use super::base::geometry::Geometry;
use super::group::{self, Owner, Unit};

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
        let list = Self::recall(block)?;
        let bad = |field| Corrupt::new(list.blkno, field);
        let short = bad("ocfs2_chain_list");
        let flags = get_u32(block, I_FLAGS).ok_or(short)?;
        if flags & CHAIN_FLAGS != CHAIN_FLAGS {
            return Err(bad("ocfs2_dinode.i_flags"));
        }
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
        list.check_chains(unit, geo)?;
        Ok(list)
    }

    /// Looks again at a list that [`Self::decode`] found good.
    pub(super) fn recall(block: &'a [u8]) -> Result<Self> {
        let blkno = get_u64(block, I_BLKNO).unwrap_or(0);
        let short = Corrupt::new(blkno, "ocfs2_chain_list");
        Ok(Self {
            block,
            blkno,
            cpg: get_u16(block, CL_CPG).ok_or(short)?,
            bpc: get_u16(block, CL_BPC).ok_or(short)?,
            count: get_u16(block, CL_COUNT).ok_or(short)?,
            next_free: get_u16(block, CL_NEXT_FREE_REC).ok_or(short)?,
            used: get_u32(block, I_USED).ok_or(short)?,
            total: get_u32(block, I_TOTAL).ok_or(short)?,
        })
    }

    fn check_chains(&self, unit: Unit, geo: &Geometry) -> Result<()> {
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
        // One group more than the volume has may be left of a resize that never got as far as the
        // superblock.
        let most = match unit {
            Unit::Clusters => u64::from(geo.clusters) + u64::from(self.cpg),
            Unit::Blocks => geo.blocks(),
        };
        if total != self.total || u64::from(total) > most {
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

    /// Most groups that there can be: each takes `cpg` clusters of the volume, but for the last of
    /// the global bitmap; and one left of a resize.
    pub(super) fn most_groups(&self, geo: &Geometry) -> u32 {
        geo.clusters / u32::from(self.cpg.max(1)) + 2
    }

    /// Clear bits in the whole allocator.
    pub const fn free(&self) -> u32 {
        self.total - self.used
    }

    /// What the groups of this allocator have to agree with.
    pub(super) fn owner(&self, unit: Unit, chain: Option<u16>) -> Owner {
        Owner {
            dinode: self.blkno,
            unit,
            cpg: self.cpg,
            bpc: self.bpc,
            chain,
        }
    }
}

/// Writes what changes when bits are taken or given back: clear bits of one chain, used ones of
/// the allocator.
pub(super) fn set_counts(block: &mut (impl BlockBytes + ?Sized), chain: u16, free: u32, used: u32) {
    let _ = put_u32(block, CL_RECS + usize::from(chain) * CHAIN_REC, free);
    let _ = put_u32(block, I_USED, used);
}

/// The new counts of a suballocator that gets another group.
pub(super) struct Growth {
    /// Chain that the group goes on.
    pub(super) chain: u16,
    /// Group that was first on that chain.
    pub(super) next: u64,
    free: u32,
    total: u32,
    next_free: u16,
    i_used: u32,
    i_total: u32,
    clusters: u32,
    size: u64,
}

impl Growth {
    pub(super) fn plan(
        list: &ChainList<'_>,
        geo: &Geometry,
        unit: Unit,
    ) -> Result<Self, &'static str> {
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

    pub(super) fn write(&self, block: &mut (impl BlockBytes + ?Sized), blkno: u64) {
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
