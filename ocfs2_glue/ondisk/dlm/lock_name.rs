// SPDX-License-Identifier: GPL-2.0-only
//! Names of lock resources, as every node of the cluster must spell them.
//!
//! A letter for the type, six zeros, the block number in 16 hex digits, the generation in 8, a
//! terminator: 32 bytes, of which the DLM is given 31. Dentry locks are the exception; see
//! [`LockName::dentry`]. `srctree/fs/ocfs2/ocfs2_lockid.h`, `ocfs2_build_lock_name()` in
//! `srctree/fs/ocfs2/dlmglue.c`.

use super::base::geometry::SUPER_BLOCK_BLKNO;

/// `OCFS2_LOCK_ID_MAX_LEN`: bytes of a name with its terminator.
pub const MAX_LEN: usize = 32;
/// Bytes of a name that the DLM is given, always all of them.
pub const LEN: usize = MAX_LEN - 1;

const BLKNO: usize = 7;
const GENERATION: usize = 23;
const DENTRY_PARENT: usize = 1;
/// `OCFS2_DENTRY_LOCK_INO_START`
const DENTRY_INO: usize = 18;

const _: () = assert!(BLKNO + 16 == GENERATION && GENERATION + 8 == LEN);
// A zero byte stands between the parent's digits and the inode's number.
const _: () = assert!(DENTRY_PARENT + 16 + 1 == DENTRY_INO && DENTRY_INO + 8 < LEN);

/// Types of lock resources, each with its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LockType {
    /// Inode: metadata and data, with a value block.
    Meta = b'M',
    /// Superblock: the slot map, mounts and unmounts.
    Super = b'S',
    /// Renames of directories, one at a time in the cluster.
    Rename = b'R',
    /// Writers against writers of one file.
    Rw = b'W',
    /// A name that leads to an inode.
    Dentry = b'N',
    /// Held PR while the inode is in use; EX to delete it.
    Open = b'O',
    /// flock(2).
    Flock = b'F',
    /// Quota file.
    Qinfo = b'Q',
    /// NFS file handles against deletion.
    NfsSync = b'Y',
    /// Scan of the orphan directories.
    OrphanScan = b'P',
    /// Refcount tree.
    Refcount = b'T',
    /// FITRIM.
    TrimFs = b'I',
}

/// Name of one lock resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockName([u8; MAX_LEN]);

/// Writes `value` in lower-case hex over the whole of `digits`.
fn hex(digits: &mut [u8], value: u64) {
    let mut rest = value;
    for digit in digits.iter_mut().rev() {
        let nibble = (rest & 0xf) as u8;
        *digit = if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        };
        rest >>= 4;
    }
}

impl LockName {
    /// The regular form, from type, block and generation.
    fn build(lock_type: LockType, blkno: u64, generation: u32) -> Self {
        let mut name = [b'0'; MAX_LEN];
        name[0] = lock_type as u8;
        hex(&mut name[BLKNO..GENERATION], blkno);
        hex(&mut name[GENERATION..LEN], u64::from(generation));
        name[LEN] = 0;
        Self(name)
    }

    /// Inode lock of a file, directory or link of users. The generation in the name is 0.
    pub fn meta(blkno: u64) -> Self {
        Self::build(LockType::Meta, blkno, 0)
    }

    /// Inode lock of a system file, the system directory or the root directory: the generation in
    /// the name is the volume's.
    pub fn meta_system(blkno: u64, fs_generation: u32) -> Self {
        Self::build(LockType::Meta, blkno, fs_generation)
    }

    /// Rw lock, with the inode's own generation.
    pub fn rw(blkno: u64, generation: u32) -> Self {
        Self::build(LockType::Rw, blkno, generation)
    }

    /// Open lock. The generation in the name is 0.
    pub fn open(blkno: u64) -> Self {
        Self::build(LockType::Open, blkno, 0)
    }

    /// flock(2) lock, with the inode's own generation.
    pub fn flock(blkno: u64, generation: u32) -> Self {
        Self::build(LockType::Flock, blkno, generation)
    }

    /// Lock of a refcount tree, with the tree's own generation (`rf_generation`).
    pub fn refcount(blkno: u64, generation: u32) -> Self {
        Self::build(LockType::Refcount, blkno, generation)
    }

    /// Super lock of the volume.
    pub fn super_block() -> Self {
        Self::build(LockType::Super, SUPER_BLOCK_BLKNO, 0)
    }

    /// Rename lock of the volume.
    pub fn rename() -> Self {
        Self::build(LockType::Rename, 0, 0)
    }

    /// NFS lock of the volume.
    pub fn nfs_sync() -> Self {
        Self::build(LockType::NfsSync, 0, 0)
    }

    /// Orphan scan lock of the volume.
    pub fn orphan_scan() -> Self {
        Self::build(LockType::OrphanScan, 0, 0)
    }

    /// FITRIM lock of the volume.
    pub fn trim_fs() -> Self {
        Self::build(LockType::TrimFs, 0, 0)
    }

    /// Quota lock: 0 for users, 1 for groups.
    pub fn qinfo(quota_type: u64) -> Self {
        Self::build(LockType::Qinfo, quota_type, 0)
    }

    /// Dentry lock of the names in directory `parent_blkno` that lead to inode `blkno`.
    ///
    /// After the letter the directory in 16 hex digits, a zero byte, the inode's block as eight
    /// big-endian bytes, zeros to the end.
    pub fn dentry(parent_blkno: u64, blkno: u64) -> Self {
        let mut name = [0; MAX_LEN];
        name[0] = LockType::Dentry as u8;
        hex(&mut name[DENTRY_PARENT..DENTRY_INO - 1], parent_blkno);
        name[DENTRY_INO..DENTRY_INO + 8].copy_from_slice(&blkno.to_be_bytes());
        Self(name)
    }

    /// The 31 bytes that the DLM is given. Not text where it is a dentry lock's.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0[..LEN]
    }

    /// All 32 bytes, the terminator included.
    pub fn with_nul(&self) -> &[u8; MAX_LEN] {
        &self.0
    }

    /// Letter of the type.
    pub fn type_char(&self) -> u8 {
        self.0[0]
    }
}
