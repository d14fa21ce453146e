// SPDX-License-Identifier: GPL-2.0-only
//! The lock value block of an inode lock (`struct ocfs2_meta_lvb`): the inode's attributes, handed
//! from node to node with the lock, so that the next holder needn't read the dinode.
//!
//! Big-endian, unlike everything on disk. `srctree/fs/ocfs2/dlmglue.h`, and
//! `__ocfs2_stuff_meta_lvb()` in `srctree/fs/ocfs2/dlmglue.c`. It is written by a holder of EX
//! before it gives the lock up; nodes that run the in-tree driver read ours and we read theirs.
//!
//! What doesn't fit its fields (more than 65535 links, times before 1970 or after 2514) isn't
//! rounded: such an inode gets a value block that nobody trusts, and the next holder reads the
//! dinode.

use super::base::bytes::{get, put};
use super::base::file_type::FileType;
use super::base::geometry::Geometry;
use super::inode::dinode::{Dinode, Time};

/// Size of `struct ocfs2_meta_lvb` and of a value block of either DLM, in bytes.
pub const SIZE: usize = 64;
/// `OCFS2_LVB_VERSION`: layout of the fields. Any other means: read the dinode.
pub const VERSION: u8 = 5;
/// Version of a value block that nobody trusts, as a deleted inode gets it.
const VERSION_UNTRUSTED: u8 = 0;

const LVB_VERSION: usize = 0x00;
const LVB_IDYNFEATURES: usize = 0x02;
const LVB_ICLUSTERS: usize = 0x04;
const LVB_IUID: usize = 0x08;
const LVB_IGID: usize = 0x0c;
const LVB_IATIME_PACKED: usize = 0x10;
const LVB_ICTIME_PACKED: usize = 0x18;
const LVB_IMTIME_PACKED: usize = 0x20;
const LVB_ISIZE: usize = 0x28;
const LVB_IMODE: usize = 0x30;
const LVB_INLINK: usize = 0x32;
const LVB_IATTR: usize = 0x34;
const LVB_IGENERATION: usize = 0x38;
const LVB_RESERVED2: usize = 0x3c;

const _: () = assert!(LVB_RESERVED2 + 4 == SIZE);

/// Bits of a packed time that hold the seconds (`OCFS2_SEC_BITS`); the rest are nanoseconds.
const SEC_BITS: u32 = 34;
const SEC_SHIFT: u32 = 64 - SEC_BITS;
const NSEC_MASK: u64 = (1 << SEC_SHIFT) - 1;
const NSEC_PER_SEC: u32 = 1_000_000_000;

/// Packs a time; `None` if it is before 1970 or past 34 bits of seconds.
pub fn pack_time(time: Time) -> Option<u64> {
    let sec = u64::try_from(time.sec)
        .ok()
        .filter(|sec| sec >> SEC_BITS == 0)?;
    let nsec = Some(time.nsec).filter(|&nsec| nsec < NSEC_PER_SEC)?;
    Some(sec << SEC_SHIFT | u64::from(nsec))
}

/// Unpacks a time; `None` if the nanoseconds make a second or more.
pub fn unpack_time(packed: u64) -> Option<Time> {
    let nsec = (packed & NSEC_MASK) as u32;
    (nsec < NSEC_PER_SEC).then_some(Time {
        sec: (packed >> SEC_SHIFT) as i64,
        nsec,
    })
}

/// Attributes that travel with an inode lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetaLvb {
    /// `i_size` in bytes.
    pub size: u64,
    /// `i_clusters`.
    pub clusters: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// `i_mode` whole.
    pub mode: u16,
    /// Link count.
    pub links: u32,
    /// `i_attr`.
    pub attr: u32,
    /// `i_dyn_features`.
    pub dyn_features: u16,
    /// `i_generation`.
    pub generation: u32,
    /// atime
    pub atime: Time,
    /// mtime
    pub mtime: Time,
    /// ctime
    pub ctime: Time,
}

impl From<&Dinode> for MetaLvb {
    fn from(dinode: &Dinode) -> Self {
        Self {
            size: dinode.size,
            clusters: dinode.clusters,
            uid: dinode.uid,
            gid: dinode.gid,
            mode: dinode.mode,
            links: dinode.links,
            attr: dinode.attr,
            dyn_features: dinode.dyn_features,
            generation: dinode.generation,
            atime: dinode.atime,
            mtime: dinode.mtime,
            ctime: dinode.ctime,
        }
    }
}

impl MetaLvb {
    /// The value block, or [`untrusted`] if a value doesn't fit.
    pub fn encode(&self) -> [u8; SIZE] {
        self.try_encode().unwrap_or(untrusted())
    }

    fn try_encode(&self) -> Option<[u8; SIZE]> {
        let mut lvb = [0; SIZE];
        put(&mut lvb, LVB_VERSION, &[VERSION])?;
        put(&mut lvb, LVB_IDYNFEATURES, &self.dyn_features.to_be_bytes())?;
        put(&mut lvb, LVB_ICLUSTERS, &self.clusters.to_be_bytes())?;
        put(&mut lvb, LVB_IUID, &self.uid.to_be_bytes())?;
        put(&mut lvb, LVB_IGID, &self.gid.to_be_bytes())?;
        put(
            &mut lvb,
            LVB_IATIME_PACKED,
            &pack_time(self.atime)?.to_be_bytes(),
        )?;
        put(
            &mut lvb,
            LVB_ICTIME_PACKED,
            &pack_time(self.ctime)?.to_be_bytes(),
        )?;
        put(
            &mut lvb,
            LVB_IMTIME_PACKED,
            &pack_time(self.mtime)?.to_be_bytes(),
        )?;
        put(&mut lvb, LVB_ISIZE, &self.size.to_be_bytes())?;
        put(&mut lvb, LVB_IMODE, &self.mode.to_be_bytes())?;
        put(
            &mut lvb,
            LVB_INLINK,
            &u16::try_from(self.links).ok()?.to_be_bytes(),
        )?;
        put(&mut lvb, LVB_IATTR, &self.attr.to_be_bytes())?;
        put(&mut lvb, LVB_IGENERATION, &self.generation.to_be_bytes())?;
        Some(lvb)
    }

    /// Attributes in `lvb`, if they can be trusted for the inode of this generation on the volume
    /// `fs`; else the dinode must be read.
    ///
    /// Whether the DLM calls the block valid is for the caller to ask first, and whether the file
    /// type is still the one it knows, after.
    pub fn decode(lvb: &[u8], generation: u32, fs: &Geometry) -> Option<Self> {
        if lvb.get(LVB_VERSION) != Some(&VERSION) {
            return None;
        }
        let time = |off| get(lvb, off).map(u64::from_be_bytes).and_then(unpack_time);
        let decoded = Self {
            size: u64::from_be_bytes(get(lvb, LVB_ISIZE)?),
            clusters: u32::from_be_bytes(get(lvb, LVB_ICLUSTERS)?),
            uid: u32::from_be_bytes(get(lvb, LVB_IUID)?),
            gid: u32::from_be_bytes(get(lvb, LVB_IGID)?),
            mode: u16::from_be_bytes(get(lvb, LVB_IMODE)?),
            links: u32::from(u16::from_be_bytes(get(lvb, LVB_INLINK)?)),
            attr: u32::from_be_bytes(get(lvb, LVB_IATTR)?),
            dyn_features: u16::from_be_bytes(get(lvb, LVB_IDYNFEATURES)?),
            generation: u32::from_be_bytes(get(lvb, LVB_IGENERATION)?),
            atime: time(LVB_IATIME_PACKED)?,
            mtime: time(LVB_IMTIME_PACKED)?,
            ctime: time(LVB_ICTIME_PACKED)?,
        };
        let good = decoded.generation == generation
            && decoded.size <= fs.max_file_size()
            && FileType::from_mode(decoded.mode).is_some();
        good.then_some(decoded)
    }
}

/// A value block that nobody trusts: for a deleted inode, and for one whose values don't fit.
pub fn untrusted() -> [u8; SIZE] {
    let mut lvb = [0; SIZE];
    put(&mut lvb, LVB_VERSION, &[VERSION_UNTRUSTED]);
    lvb
}
