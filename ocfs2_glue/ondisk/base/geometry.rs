// SPDX-License-Identifier: GPL-2.0-only
//! The numbers of a volume that every other structure is checked against.
//!
//! Decoded from the superblock once (`volume::superblock`); small and [`Copy`], so that it is
//! handed around by value or reference as suits.

use super::features::{Features, INCOMPAT_DISCONTIG_BG, INCOMPAT_INDEXED_DIRS};

/// Block of the superblock, in blocks (`OCFS2_SUPER_BLOCK_BLKNO`). Nothing else lives at or below.
pub const SUPER_BLOCK_BLKNO: u64 = 2;
/// log2 of the smallest block (`OCFS2_MIN_BLOCKSIZE`).
pub const MIN_BLOCK_BITS: u32 = 9;
/// log2 of the largest block (`OCFS2_MAX_BLOCKSIZE`).
pub const MAX_BLOCK_BITS: u32 = 12;
/// Largest block in bytes, for buffers of a fixed size.
pub const MAX_BLOCK_SIZE: usize = 1 << MAX_BLOCK_BITS;
/// log2 of the smallest cluster (`OCFS2_MIN_CLUSTERSIZE`).
pub const MIN_CLUSTER_BITS: u32 = 12;
/// log2 of the largest cluster (`OCFS2_MAX_CLUSTERSIZE`).
pub const MAX_CLUSTER_BITS: u32 = 20;
/// Most slots of a volume (`OCFS2_MAX_SLOTS`).
pub const MAX_SLOTS: u16 = 255;
/// Slot number that means none (`OCFS2_INVALID_SLOT`): allocated by mkfs, not by a slot.
pub const INVALID_SLOT: u16 = u16::MAX;
/// Most links of a directory or file without indexed directories (`OCFS2_LINK_MAX`).
pub const LINK_MAX: u32 = 32000;
/// Most links with indexed directories (`OCFS2_DX_LINK_MAX`).
pub const DX_LINK_MAX: u32 = (1 << 31) - 1;

/// Sizes, limits and identity of one volume.
///
/// # Invariants
///
/// `block_bits` is 9 to 12 and `cluster_bits` is 12 to 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    block_bits: u32,
    cluster_bits: u32,
    /// Size of the volume in clusters (`i_clusters` of the superblock). An online resize on
    /// another node makes it grow.
    pub clusters: u32,
    /// `i_fs_generation`, which every metadata block of the volume repeats.
    pub fs_generation: u32,
    /// Feature words.
    pub features: Features,
    /// `s_max_slots`, 1 to 255.
    pub max_slots: u16,
    /// Bytes at the end of a new dinode that inline extended attributes take
    /// (`s_xattr_inline_size`); 0 without the xattr feature.
    pub xattr_inline_size: u16,
    /// Block of the root directory's dinode.
    pub root_blkno: u64,
    /// Block of the system directory's dinode.
    pub system_dir_blkno: u64,
    /// Block of the first cluster group's descriptor.
    pub first_cluster_group: u64,
    /// Key of the directory hash: `s_dx_seed`, then `s_uuid_hash`.
    pub dx_seed: [u32; 4],
}

impl Geometry {
    /// A geometry of these sizes with everything else zero; `None` if a size is out of range.
    pub const fn new(block_bits: u32, cluster_bits: u32, clusters: u32) -> Option<Self> {
        if block_bits < MIN_BLOCK_BITS
            || block_bits > MAX_BLOCK_BITS
            || cluster_bits < MIN_CLUSTER_BITS
            || cluster_bits > MAX_CLUSTER_BITS
        {
            return None;
        }
        // INVARIANT: both were just checked.
        Some(Self {
            block_bits,
            cluster_bits,
            clusters,
            fs_generation: 0,
            features: Features {
                compat: 0,
                incompat: 0,
                ro_compat: 0,
            },
            max_slots: 1,
            xattr_inline_size: 0,
            root_blkno: 0,
            system_dir_blkno: 0,
            first_cluster_group: 0,
            dx_seed: [0; 4],
        })
    }

    /// log2 of the block size in bytes.
    pub const fn block_bits(&self) -> u32 {
        self.block_bits
    }

    /// log2 of the cluster size in bytes.
    pub const fn cluster_bits(&self) -> u32 {
        self.cluster_bits
    }

    /// Block size in bytes: 512, 1024, 2048 or 4096.
    pub const fn block_size(&self) -> usize {
        1 << self.block_bits
    }

    /// Cluster size in bytes: 4K to 1M.
    pub const fn cluster_size(&self) -> u32 {
        1 << self.cluster_bits
    }

    /// log2 of the number of blocks in a cluster: 0 to 11.
    pub const fn blocks_per_cluster_bits(&self) -> u32 {
        self.cluster_bits - self.block_bits
    }

    /// Blocks in a cluster.
    pub const fn blocks_per_cluster(&self) -> u32 {
        1 << self.blocks_per_cluster_bits()
    }

    /// Size of the volume in blocks.
    pub const fn blocks(&self) -> u64 {
        self.clusters_to_blocks(self.clusters)
    }

    /// Number of blocks in `clusters` clusters, or the first block of that cluster.
    pub const fn clusters_to_blocks(&self, clusters: u32) -> u64 {
        (clusters as u64) << self.blocks_per_cluster_bits()
    }

    /// Cluster that block `blkno` is in; `None` past the volume.
    pub const fn block_to_cluster(&self, blkno: u64) -> Option<u32> {
        let cluster = blkno >> self.blocks_per_cluster_bits();
        if cluster < self.clusters as u64 {
            Some(cluster as u32)
        } else {
            None
        }
    }

    /// Whether a pointer to metadata or data may name `blkno`: on the volume, past the superblock.
    pub const fn is_block(&self, blkno: u64) -> bool {
        blkno > SUPER_BLOCK_BLKNO && blkno < self.blocks()
    }

    /// Whether a pointer that may be absent (zero) may have this value.
    pub const fn is_block_or_none(&self, blkno: u64) -> bool {
        blkno == 0 || self.is_block(blkno)
    }

    /// Whether `slot` is one of the volume's.
    pub const fn is_slot(&self, slot: u16) -> bool {
        slot < self.max_slots
    }

    /// Largest file in bytes: what 32 bits of clusters can reach, less one cluster
    /// (`ocfs2_max_file_offset()` of 64-bit machines).
    pub const fn max_file_size(&self) -> u64 {
        (u32::MAX as u64) << self.cluster_bits
    }

    /// Most links that an inode may have.
    pub const fn link_max(&self) -> u32 {
        if self.features.incompat & INCOMPAT_INDEXED_DIRS != 0 {
            DX_LINK_MAX
        } else {
            LINK_MAX
        }
    }

    /// Whether block groups may come in several pieces.
    pub const fn discontig_bg(&self) -> bool {
        self.features.incompat & INCOMPAT_DISCONTIG_BG != 0
    }
}
