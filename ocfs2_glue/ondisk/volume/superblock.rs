// SPDX-License-Identifier: GPL-2.0-only
//! The superblock: a dinode with its own signature, in block 2.
//!
//! `srctree/fs/ocfs2/ocfs2_fs.h` (`struct ocfs2_super_block` at [`ID2`] of `struct ocfs2_dinode`).
//! The block size isn't known before it is read: a reader tries block 2 of each size from the
//! device's sector size up to 4K and stops at the first that has the signature ([`probe`]). The
//! backup copies at 1G, 4G ... are left to fsck.ocfs2.

use core::fmt;

use super::base::bytes::{get, get_u16, get_u32, get_u64};
use super::base::error::Corrupt;
use super::base::features::{Features, INCOMPAT_LOCAL_MOUNT, INCOMPAT_META_ECC, INCOMPAT_XATTR};
use super::base::geometry::{
    Geometry, MAX_BLOCK_BITS, MAX_SLOTS, MIN_BLOCK_BITS, SUPER_BLOCK_BLKNO,
};
use super::block_check::{self, Verdict};

/// `OCFS2_SUPER_BLOCK_SIGNATURE`. The in-tree driver compares these six bytes and no terminator.
pub const SIGNATURE: [u8; 6] = *b"OCFSV2";
/// Bytes of the superblock that are in use, within the smallest block.
pub const SIZE: usize = 512;

const MAJOR_REV_LEVEL: u16 = 0;
const MINOR_REV_LEVEL: u16 = 90;

// Offsets in struct ocfs2_dinode.
const I_CLUSTERS: usize = 0x14;
const I_BLKNO: usize = 0x50;
const I_FS_GENERATION: usize = 0x60;
/// Offset of `struct ocfs2_super_block` (`ocfs2_dinode.id2`).
pub const ID2: usize = 0xc0;

// Offsets of struct ocfs2_super_block, from the start of the block.
const S_MAJOR_REV_LEVEL: usize = ID2;
const S_MINOR_REV_LEVEL: usize = ID2 + 0x02;
const S_STATE: usize = ID2 + 0x08;
const S_FEATURE_COMPAT: usize = ID2 + 0x1c;
const S_FEATURE_INCOMPAT: usize = ID2 + 0x20;
const S_FEATURE_RO_COMPAT: usize = ID2 + 0x24;
const S_ROOT_BLKNO: usize = ID2 + 0x28;
const S_SYSTEM_DIR_BLKNO: usize = ID2 + 0x30;
const S_BLOCKSIZE_BITS: usize = ID2 + 0x38;
const S_CLUSTERSIZE_BITS: usize = ID2 + 0x3c;
const S_MAX_SLOTS: usize = ID2 + 0x40;
const S_UUID_HASH: usize = ID2 + 0x44;
const S_FIRST_CLUSTER_GROUP: usize = ID2 + 0x48;
const S_LABEL: usize = ID2 + 0x50;
const S_UUID: usize = ID2 + 0x90;
const S_CLUSTER_INFO: usize = ID2 + 0xa0;
const CI_STACK: usize = S_CLUSTER_INFO;
const CI_STACKFLAGS: usize = S_CLUSTER_INFO + 0x04;
const CI_CLUSTER: usize = S_CLUSTER_INFO + 0x08;
const S_XATTR_INLINE_SIZE: usize = ID2 + 0xb8;
const S_DX_SEED: usize = ID2 + 0xbc;
const S_RESERVED2: usize = ID2 + 0xc8;
const S_RESERVED2_LEN: usize = 15 * 8;

const _: () = assert!(S_DX_SEED + 3 * 4 == S_RESERVED2);
const _: () = assert!(S_RESERVED2 + S_RESERVED2_LEN == SIZE);
const _: () = assert!(S_LABEL + 64 == S_UUID && S_UUID + 16 == S_CLUSTER_INFO);

/// `s_state`: the file system saw errors (`OCFS2_ERROR_FS`). fsck.ocfs2 clears it.
pub const STATE_ERROR_FS: u16 = 0x0001;

/// `ci_stackflags`: o2cb heartbeats in global regions (`OCFS2_CLUSTER_O2CB_GLOBAL_HEARTBEAT`).
pub const STACKFLAG_GLOBAL_HEARTBEAT: u8 = 0x01;

/// `OCFS2_CLASSIC_CLUSTER_STACK`.
pub const STACK_O2CB: [u8; 4] = *b"o2cb";

/// The cluster that a volume belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterInfo {
    /// No cluster: one node at a time (feature `local`).
    Local,
    /// o2cb, as volumes without `s_cluster_info` mean it; any cluster name will do.
    Classic,
    /// The stack and cluster that `s_cluster_info` names.
    Named {
        /// `ci_stack`: `o2cb`, `pcmk`, `cman`; four bytes, none of them zero.
        stack: [u8; 4],
        /// `ci_cluster`, padded with zeros; without a terminator if all 16 are in use.
        name: [u8; 16],
        /// `ci_stackflags`.
        flags: u8,
    },
}

impl ClusterInfo {
    /// Stack label for `ocfs2_cluster_connect()`; empty where the volume names none.
    pub fn stack(&self) -> &[u8] {
        match self {
            Self::Local | Self::Classic => &[],
            Self::Named { stack, .. } => stack,
        }
    }

    /// Cluster name up to the first zero byte; empty where the volume names none.
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Local | Self::Classic => &[],
            Self::Named { name, .. } => until_nul(name),
        }
    }

    /// Whether the DLM under this volume is o2dlm.
    pub fn is_o2cb(&self) -> bool {
        match self {
            Self::Local => false,
            Self::Classic => true,
            Self::Named { stack, .. } => *stack == STACK_O2CB,
        }
    }
}

/// A checked superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Sizes, limits and features.
    pub geometry: Geometry,
    /// The cluster that the volume belongs to.
    pub cluster: ClusterInfo,
    /// `s_uuid`.
    pub uuid: [u8; 16],
    /// `s_label`, padded with zeros.
    label: [u8; 64],
    /// `s_state`; see [`STATE_ERROR_FS`].
    pub state: u16,
}

/// Why a block with the superblock's signature isn't a superblock that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// A field breaks the format's rules.
    Corrupt(Corrupt),
    /// A revision of the format other than 0.90.
    Revision(u16, u16),
    /// Features that refuse a mount; only those bits are set. Nothing past the feature words was
    /// looked at, as they may mean something else there.
    Unsupported(Features),
}

impl From<Corrupt> for Rejected {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(corrupt) => write!(f, "bad superblock: {}", corrupt.field),
            Self::Revision(major, minor) => write!(f, "unknown format revision {major}.{minor}"),
            Self::Unsupported(features) => write!(f, "unsupported features: {features}"),
        }
    }
}

const fn bad(field: &'static str) -> Corrupt {
    Corrupt::new(SUPER_BLOCK_BLKNO, field)
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(&[])
}

/// Decodes `block`, which is block 2 of a device read in blocks of `block.len()` bytes.
///
/// `Ok(None)` if it hasn't the signature: the caller goes on with the next block size.
///
/// # Errors
///
/// [`Rejected`] if it has, and can't be used; no other size is then worth a look.
pub fn probe(block: &[u8]) -> Result<Option<Superblock>, Rejected> {
    if get::<6>(block, 0) != Some(SIGNATURE) {
        return Ok(None);
    }
    let mut head: [u8; SIZE] = get(block, 0).ok_or(bad("ocfs2_super_block"))?;
    check_ecc(block, &mut head)?;
    decode(&head, block.len()).map(Some)
}

/// Finds the superblock in the first 12K of a device, smallest block size first.
///
/// `sector_size`: the device's logical block size in bytes; smaller blocks than that aren't tried.
///
/// # Errors
///
/// [`Rejected`] as [`probe`]; `Ok(None)` if no size fits.
pub fn find(start: &[u8], sector_size: usize) -> Result<Option<Superblock>, Rejected> {
    for bits in MIN_BLOCK_BITS..=MAX_BLOCK_BITS {
        let size = 1usize << bits;
        let Some(block) = start.get(2 * size..3 * size) else {
            break;
        };
        if size < sector_size {
            continue;
        }
        if let Some(superblock) = probe(block)? {
            return Ok(Some(superblock));
        }
    }
    Ok(None)
}

/// Verifies the metaecc check over `block`, and repairs the copy of its head that is decoded.
fn check_ecc(block: &[u8], head: &mut [u8; SIZE]) -> Result<(), Rejected> {
    let incompat = get_u32(head, S_FEATURE_INCOMPAT).unwrap_or(0);
    if incompat & INCOMPAT_META_ECC == 0 {
        return Ok(());
    }
    match block_check::verify(block, block_check::IN_DINODE) {
        Verdict::Good => {}
        Verdict::OneBit(bit) => {
            if let Some(byte) = head.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Verdict::Bad => return Err(bad("ocfs2_block_check.bc_crc32e").into()),
    }
    Ok(())
}

fn decode(head: &[u8; SIZE], block_size: usize) -> Result<Superblock, Rejected> {
    // Every offset below is within the 512 bytes, so none of these defaults is ever used.
    let u16_at = |off| get_u16(head, off).unwrap_or(0);
    let u32_at = |off| get_u32(head, off).unwrap_or(0);
    let u64_at = |off| get_u64(head, off).unwrap_or(0);

    let (major, minor) = (u16_at(S_MAJOR_REV_LEVEL), u16_at(S_MINOR_REV_LEVEL));
    if (major, minor) != (MAJOR_REV_LEVEL, MINOR_REV_LEVEL) {
        return Err(Rejected::Revision(major, minor));
    }
    let features = Features {
        compat: u32_at(S_FEATURE_COMPAT),
        incompat: u32_at(S_FEATURE_INCOMPAT),
        ro_compat: u32_at(S_FEATURE_RO_COMPAT),
    };
    let support = features.support();
    if !support.can_read() {
        return Err(Rejected::Unsupported(support.refused));
    }

    let block_bits = u32_at(S_BLOCKSIZE_BITS);
    if !block_size.is_power_of_two() || block_bits != block_size.trailing_zeros() {
        return Err(bad("ocfs2_super_block.s_blocksize_bits").into());
    }
    let mut geometry = Geometry::new(block_bits, u32_at(S_CLUSTERSIZE_BITS), u32_at(I_CLUSTERS))
        .ok_or(bad("ocfs2_super_block.s_clustersize_bits"))?;
    geometry.features = features;
    geometry.fs_generation = u32_at(I_FS_GENERATION);
    geometry.max_slots = u16_at(S_MAX_SLOTS);
    geometry.root_blkno = u64_at(S_ROOT_BLKNO);
    geometry.system_dir_blkno = u64_at(S_SYSTEM_DIR_BLKNO);
    geometry.first_cluster_group = u64_at(S_FIRST_CLUSTER_GROUP);
    geometry.dx_seed = [
        u32_at(S_DX_SEED),
        u32_at(S_DX_SEED + 4),
        u32_at(S_DX_SEED + 8),
        u32_at(S_UUID_HASH),
    ];
    if features.has_incompat(INCOMPAT_XATTR) {
        geometry.xattr_inline_size = u16_at(S_XATTR_INLINE_SIZE);
    }
    check_geometry(&geometry, u64_at(I_BLKNO))?;

    Ok(Superblock {
        geometry,
        cluster: decode_cluster(head, &features)?,
        uuid: get(head, S_UUID).unwrap_or([0; 16]),
        label: get(head, S_LABEL).unwrap_or([0; 64]),
        state: u16_at(S_STATE),
    })
}

fn check_geometry(geometry: &Geometry, blkno: u64) -> Result<(), Corrupt> {
    // What a new dinode keeps for its list after inline attributes: at least one extent record.
    let room = geometry.block_size().saturating_sub(ID2 + 0x10 + 0x10);
    let checks = [
        (blkno == SUPER_BLOCK_BLKNO, "ocfs2_dinode.i_blkno"),
        (geometry.clusters != 0, "ocfs2_dinode.i_clusters"),
        (
            (1..=MAX_SLOTS).contains(&geometry.max_slots),
            "ocfs2_super_block.s_max_slots",
        ),
        (
            geometry.is_block(geometry.root_blkno),
            "ocfs2_super_block.s_root_blkno",
        ),
        (
            geometry.is_block(geometry.system_dir_blkno),
            "ocfs2_super_block.s_system_dir_blkno",
        ),
        (
            geometry.is_block(geometry.first_cluster_group),
            "ocfs2_super_block.s_first_cluster_group",
        ),
        (
            usize::from(geometry.xattr_inline_size) <= room,
            "ocfs2_super_block.s_xattr_inline_size",
        ),
    ];
    match checks.iter().find(|(good, _)| !good) {
        Some((_, field)) => Err(bad(field)),
        None => Ok(()),
    }
}

fn decode_cluster(head: &[u8; SIZE], features: &Features) -> Result<ClusterInfo, Corrupt> {
    if features.has_incompat(INCOMPAT_LOCAL_MOUNT) {
        return Ok(ClusterInfo::Local);
    }
    if !features.has_cluster_info() {
        return Ok(ClusterInfo::Classic);
    }
    let stack: [u8; 4] = get(head, CI_STACK).unwrap_or([0; 4]);
    if stack.contains(&0) {
        return Err(bad("ocfs2_cluster_info.ci_stack"));
    }
    Ok(ClusterInfo::Named {
        stack,
        name: get(head, CI_CLUSTER).unwrap_or([0; 16]),
        flags: head.get(CI_STACKFLAGS).copied().unwrap_or(0),
    })
}

impl Superblock {
    /// `s_label` up to the first zero byte.
    pub fn label(&self) -> &[u8] {
        until_nul(&self.label)
    }

    /// `s_uuid` as the DLM's domain name has it: 32 upper-case hex digits.
    pub fn uuid_string(&self) -> [u8; 32] {
        let mut text = [0; 32];
        let nibbles = self.uuid.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        for (digit, nibble) in text.iter_mut().zip(nibbles) {
            *digit = if nibble < 10 {
                b'0' + nibble
            } else {
                b'A' + nibble - 10
            };
        }
        text
    }
}
