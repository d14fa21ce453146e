// SPDX-License-Identifier: GPL-2.0-only
//! The dinode: one block for each inode (`struct ocfs2_dinode`).
//!
//! [`Dinode::decode`] checks the head and says what the union at [`ID2`] holds; the structures in
//! the union have files of their own. Writing is in [`super::edit`].
//!
//! A dinode is decoded after the cluster lock that protects it was taken, and after its slot's
//! journal was replayed: a decode from before either may be stale.
//!
//! `srctree/fs/ocfs2/ocfs2_fs.h`, `ocfs2_validate_inode_block()` in `srctree/fs/ocfs2/inode.c`.

use core::ops::Range;

use super::base::bytes::{get, get_u16, get_u32, get_u64};
use super::base::error::{Corrupt, Result};
use super::base::features::{INCOMPAT_INLINE_DATA, INCOMPAT_SPARSE_ALLOC};
use super::base::file_type::FileType;
use super::base::geometry::{Geometry, INVALID_SLOT};
use super::base::store::Suballoc;

/// Longest target of a symlink in bytes, its terminator not counted (`PATH_MAX` less one).
pub const MAX_TARGET: usize = 4095;

/// `OCFS2_INODE_SIGNATURE`, with its terminator.
pub const SIGNATURE: [u8; 8] = *b"INODE01\0";

// Offsets of struct ocfs2_dinode.
pub(super) const I_SIGNATURE: usize = 0x00;
pub(super) const I_GENERATION: usize = 0x08;
pub(super) const I_SUBALLOC_SLOT: usize = 0x0c;
pub(super) const I_SUBALLOC_BIT: usize = 0x0e;
pub(super) const I_LINKS_COUNT_HI: usize = 0x10;
pub(super) const I_XATTR_INLINE_SIZE: usize = 0x12;
pub(super) const I_CLUSTERS: usize = 0x14;
pub(super) const I_UID: usize = 0x18;
pub(super) const I_GID: usize = 0x1c;
pub(super) const I_SIZE: usize = 0x20;
pub(super) const I_MODE: usize = 0x28;
pub(super) const I_LINKS_COUNT: usize = 0x2a;
pub(super) const I_FLAGS: usize = 0x2c;
pub(super) const I_ATIME: usize = 0x30;
pub(super) const I_CTIME: usize = 0x38;
pub(super) const I_MTIME: usize = 0x40;
pub(super) const I_DTIME: usize = 0x48;
pub(super) const I_BLKNO: usize = 0x50;
pub(super) const I_LAST_EB_BLK: usize = 0x58;
pub(super) const I_FS_GENERATION: usize = 0x60;
pub(super) const I_ATIME_NSEC: usize = 0x64;
pub(super) const I_CTIME_NSEC: usize = 0x68;
pub(super) const I_MTIME_NSEC: usize = 0x6c;
pub(super) const I_ATTR: usize = 0x70;
pub(super) const I_ORPHANED_SLOT: usize = 0x74;
pub(super) const I_DYN_FEATURES: usize = 0x76;
pub(super) const I_XATTR_LOC: usize = 0x78;
pub(super) const I_DX_ROOT: usize = 0x88;
pub(super) const I_REFCOUNT_LOC: usize = 0x90;
pub(super) const I_SUBALLOC_LOC: usize = 0x98;
pub(super) const I_DIO_ORPHANED_SLOT: usize = 0xa0;
/// Offset of the union `id1`, eight bytes: device number, bitmap counters or journal flags.
pub const ID1: usize = 0xb8;
/// Offset of the union `id2`, which runs to the end of the block.
pub const ID2: usize = 0xc0;

/// Offset of `id2.i_list`, a `struct ocfs2_extent_list`.
pub const I_LIST: usize = ID2;
/// Offset of `id2.i_chain`, a `struct ocfs2_chain_list`.
pub const I_CHAIN: usize = ID2;
/// Offset of `id2.i_lab`, a `struct ocfs2_local_alloc`.
pub const I_LAB: usize = ID2;
/// Offset of `id2.i_dealloc`, a `struct ocfs2_truncate_log`.
pub const I_DEALLOC: usize = ID2;
/// Offset of `id2.i_symlink`, the target of a fast symlink.
pub const I_SYMLINK: usize = ID2;
/// Offset of `id2.i_data`, a `struct ocfs2_inline_data`.
pub const I_DATA: usize = ID2;
/// Offset of `id2.i_data.id_count`, the room for inline data in bytes.
pub const ID_COUNT: usize = I_DATA;
/// Offset of `id2.i_data.id_data`, the inline data itself.
pub const ID_DATA: usize = I_DATA + 8;

/// `OCFS2_VALID_FL`: the block is in use as a dinode.
pub const VALID_FL: u32 = 0x0001;
/// `OCFS2_ORPHANED_FL`: listed in the orphan directory of `i_orphaned_slot`.
pub const ORPHANED_FL: u32 = 0x0004;
/// `OCFS2_SYSTEM_FL`: a system file, or the root directory.
pub const SYSTEM_FL: u32 = 0x0010;
/// `OCFS2_SUPER_BLOCK_FL`.
pub const SUPER_BLOCK_FL: u32 = 0x0020;
/// `OCFS2_LOCAL_ALLOC_FL`: a slot's window of the cluster bitmap.
pub const LOCAL_ALLOC_FL: u32 = 0x0040;
/// `OCFS2_BITMAP_FL`: an allocator; `id1` counts its bits.
pub const BITMAP_FL: u32 = 0x0080;
/// `OCFS2_JOURNAL_FL`.
pub const JOURNAL_FL: u32 = 0x0100;
/// `OCFS2_HEARTBEAT_FL`.
pub const HEARTBEAT_FL: u32 = 0x0200;
/// `OCFS2_CHAIN_FL`: `id2` is a list of chains of block groups.
pub const CHAIN_FL: u32 = 0x0400;
/// `OCFS2_DEALLOC_FL`: a slot's truncate log.
pub const DEALLOC_FL: u32 = 0x0800;
/// `OCFS2_QUOTA_FL`.
pub const QUOTA_FL: u32 = 0x1000;
/// `OCFS2_DIO_ORPHANED_FL`: an appending direct write is under way in `i_dio_orphaned_slot`.
pub const DIO_ORPHANED_FL: u32 = 0x2000;

/// `OCFS2_INLINE_DATA_FL`: the data is in `id2`.
pub const INLINE_DATA_FL: u16 = 0x0001;
/// `OCFS2_HAS_XATTR_FL`: the inode has extended attributes.
pub const HAS_XATTR_FL: u16 = 0x0002;
/// `OCFS2_INLINE_XATTR_FL`: some of them are in the last `i_xattr_inline_size` bytes of the block.
pub const INLINE_XATTR_FL: u16 = 0x0004;
/// `OCFS2_INDEXED_DIR_FL`: `i_dx_root` is valid.
pub const INDEXED_DIR_FL: u16 = 0x0008;
/// `OCFS2_HAS_REFCOUNT_FL`: `i_refcount_loc` is valid.
pub const HAS_REFCOUNT_FL: u16 = 0x0010;

/// `OCFS2_JOURNAL_DIRTY_FL` of `ij_flags`: the journal may hold what isn't in place yet.
pub const JOURNAL_DIRTY_FL: u32 = 0x0001;

/// Size of `struct ocfs2_xattr_header`, with which inline attributes begin.
const XATTR_HEADER: usize = 16;
/// Size of `struct ocfs2_extent_list` with one record.
const ONE_EXTENT: usize = 32;

/// A time stamp: seconds since 1970 and nanoseconds below 10^9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nsec: u32,
}

/// What the union `id1` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id1 {
    /// Nothing; zero.
    None,
    /// `dev1.i_rdev`: device number, in the kernel's `huge_encode_dev()` encoding.
    Device(u64),
    /// `bitmap1`: bits used and bits in all.
    Bitmap {
        /// `i_used`
        used: u32,
        /// `i_total`
        total: u32,
    },
    /// `journal1`.
    Journal {
        /// `ij_flags`; see [`JOURNAL_DIRTY_FL`].
        flags: u32,
        /// `ij_recovery_generation`: counts the replays by other nodes.
        recovery_generation: u32,
    },
}

/// What the union `id2` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// An extent list at [`I_LIST`]. Not checked here; of a device, fifo or socket it is empty.
    Extents,
    /// Data at [`ID_DATA`]; `i_size` bytes of it count.
    Inline {
        /// `id_count`: bytes that the data may grow to.
        room: u16,
    },
    /// The target of a symlink at [`I_SYMLINK`], `i_size` bytes.
    FastSymlink,
    /// A chain list at [`I_CHAIN`].
    Chain,
    /// A local allocation bitmap at [`I_LAB`].
    LocalAlloc,
    /// A truncate log at [`I_DEALLOC`].
    TruncateLog,
}

/// A checked dinode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dinode {
    /// Where its block came from; `suballoc.blkno` is the inode's own block.
    pub suballoc: Suballoc,
    /// `i_generation`.
    pub generation: u32,
    /// `i_size` in bytes.
    pub size: u64,
    /// `i_clusters`: clusters allocated to the data.
    pub clusters: u32,
    /// `i_mode` whole.
    pub mode: u16,
    /// File type of `mode`.
    pub file_type: FileType,
    /// `i_uid`.
    pub uid: u32,
    /// `i_gid`.
    pub gid: u32,
    /// `i_links_count` with `i_links_count_hi` above it; 0 for an orphan only.
    pub links: u32,
    /// `i_flags`.
    pub flags: u32,
    /// `i_attr`: `FS_*_FL` as chattr(1) sets them.
    pub attr: u32,
    /// `i_dyn_features`.
    pub dyn_features: u16,
    /// `i_atime`.
    pub atime: Time,
    /// `i_mtime`.
    pub mtime: Time,
    /// `i_ctime`.
    pub ctime: Time,
    /// `i_dtime`: when it was deleted, in seconds; 0 while it lives.
    pub dtime: u64,
    /// `i_last_eb_blk`: last leaf of the extent tree, 0 while the list in the dinode is the leaf.
    pub last_eb_blk: u64,
    /// `i_orphaned_slot`, only with [`ORPHANED_FL`].
    pub orphaned_slot: Option<u16>,
    /// `i_dio_orphaned_slot`, only with [`DIO_ORPHANED_FL`].
    pub dio_orphaned_slot: Option<u16>,
    /// `i_xattr_loc`: block of extended attributes, 0 for none.
    pub xattr_loc: u64,
    /// Bytes at the end of the block that inline attributes take, 0 without [`INLINE_XATTR_FL`].
    pub xattr_inline_size: u16,
    /// `i_dx_root`, only with [`INDEXED_DIR_FL`].
    pub dx_root: Option<u64>,
    /// `i_refcount_loc`, only with [`HAS_REFCOUNT_FL`].
    pub refcount_loc: Option<u64>,
    /// The union `id1`.
    pub id1: Id1,
    /// The union `id2`.
    pub body: Body,
}

/// Fails with the name of the field unless `good`.
fn check(good: bool, blkno: u64, field: &'static str) -> Result<()> {
    if good {
        Ok(())
    } else {
        Err(Corrupt::new(blkno, field))
    }
}

/// The fields of a block that is long enough for a dinode.
#[derive(Clone, Copy)]
struct Raw<'a>(&'a [u8]);

impl Raw<'_> {
    // The block was found to be a whole one; the default stands in for a read that can't happen.
    fn u16(self, off: usize) -> u16 {
        get_u16(self.0, off).unwrap_or(0)
    }

    fn u32(self, off: usize) -> u32 {
        get_u32(self.0, off).unwrap_or(0)
    }

    fn u64(self, off: usize) -> u64 {
        get_u64(self.0, off).unwrap_or(0)
    }

    /// A time stamp. No tool checks the nanoseconds, so a file with bad ones stays readable.
    fn time(self, sec: usize, nsec: usize) -> Time {
        Time {
            sec: self.u64(sec) as i64,
            nsec: self.u32(nsec).min(999_999_999),
        }
    }
}

impl Dinode {
    /// Decodes `block`, read from block `blkno` of the volume `fs`.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] names the first field that is out of order.
    pub fn decode(block: &[u8], blkno: u64, fs: &Geometry) -> Result<Self> {
        check(block.len() == fs.block_size(), blkno, "ocfs2_dinode")?;
        let raw = Raw(block);
        check_identity(raw, blkno, fs)?;

        let mode = raw.u16(I_MODE);
        let file_type =
            FileType::from_mode(mode).ok_or(Corrupt::new(blkno, "ocfs2_dinode.i_mode"))?;
        let flags = raw.u32(I_FLAGS);
        let dyn_features = raw.u16(I_DYN_FEATURES);
        let links = u32::from(raw.u16(I_LINKS_COUNT)) | u32::from(raw.u16(I_LINKS_COUNT_HI)) << 16;
        let inline_xattr = dyn_features & INLINE_XATTR_FL != 0;
        let flagged = |bit: u16, off| (dyn_features & bit != 0).then(|| raw.u64(off));

        let mut dinode = Self {
            suballoc: Suballoc {
                blkno,
                slot: raw.u16(I_SUBALLOC_SLOT),
                bit: raw.u16(I_SUBALLOC_BIT),
                loc: if fs.discontig_bg() {
                    raw.u64(I_SUBALLOC_LOC)
                } else {
                    0
                },
            },
            generation: raw.u32(I_GENERATION),
            size: raw.u64(I_SIZE),
            clusters: raw.u32(I_CLUSTERS),
            mode,
            file_type,
            uid: raw.u32(I_UID),
            gid: raw.u32(I_GID),
            links,
            flags,
            attr: raw.u32(I_ATTR),
            dyn_features,
            atime: raw.time(I_ATIME, I_ATIME_NSEC),
            mtime: raw.time(I_MTIME, I_MTIME_NSEC),
            ctime: raw.time(I_CTIME, I_CTIME_NSEC),
            dtime: raw.u64(I_DTIME),
            last_eb_blk: raw.u64(I_LAST_EB_BLK),
            orphaned_slot: (flags & ORPHANED_FL != 0).then(|| raw.u16(I_ORPHANED_SLOT)),
            dio_orphaned_slot: (flags & DIO_ORPHANED_FL != 0).then(|| raw.u16(I_DIO_ORPHANED_SLOT)),
            xattr_loc: raw.u64(I_XATTR_LOC),
            xattr_inline_size: if inline_xattr {
                raw.u16(I_XATTR_INLINE_SIZE)
            } else {
                0
            },
            dx_root: flagged(INDEXED_DIR_FL, I_DX_ROOT),
            refcount_loc: flagged(HAS_REFCOUNT_FL, I_REFCOUNT_LOC),
            id1: id1(raw, flags, file_type),
            // Replaced below, once the fields that it is found by were checked.
            body: Body::Extents,
        };
        dinode.check_fields(fs)?;
        dinode.body = dinode.find_body(raw)?;
        dinode.check_body(block, fs)?;
        Ok(dinode)
    }

    /// Block of the inode.
    pub fn blkno(&self) -> u64 {
        self.suballoc.blkno
    }

    /// Whether every one of `bits` is set in `i_flags`.
    pub fn has_flags(&self, bits: u32) -> bool {
        self.flags & bits == bits
    }

    /// Bytes of the block that belong to the union `id2`: up to the inline attributes, if any.
    pub fn id2_range(&self, fs: &Geometry) -> Range<usize> {
        ID2..fs
            .block_size()
            .saturating_sub(usize::from(self.xattr_inline_size))
            .max(ID2)
    }

    /// Bytes of the block that inline data takes (`i_size` of them); empty if there is none.
    pub fn inline_range(&self) -> Range<usize> {
        match self.body {
            // The size was found to be at most the room, which is within the block.
            Body::Inline { room } => ID_DATA..ID_DATA + self.size.min(u64::from(room)) as usize,
            _ => ID_DATA..ID_DATA,
        }
    }

    /// Most bytes of data that could be inline in this inode: what `id_count` is set to.
    pub fn max_inline_data(&self, fs: &Geometry) -> u16 {
        max_inline_data(fs, self.xattr_inline_size)
    }

    /// Checks the fields that mean the same whatever `id2` holds.
    fn check_fields(&self, fs: &Geometry) -> Result<()> {
        let blkno = self.blkno();
        let slot = self.suballoc.slot;
        let system = self.has_flags(SYSTEM_FL);
        let slot_good = if slot == INVALID_SLOT {
            system
        } else {
            fs.is_slot(slot)
        };
        check(slot_good, blkno, "ocfs2_dinode.i_suballoc_slot")?;
        check(
            fs.is_block_or_none(self.suballoc.loc),
            blkno,
            "ocfs2_dinode.i_suballoc_loc",
        )?;
        check(
            self.orphaned_slot.is_none_or(|slot| fs.is_slot(slot)),
            blkno,
            "ocfs2_dinode.i_orphaned_slot",
        )?;
        check(
            self.dio_orphaned_slot.is_none_or(|slot| fs.is_slot(slot)),
            blkno,
            "ocfs2_dinode.i_dio_orphaned_slot",
        )?;
        check(
            self.links != 0 || self.has_flags(ORPHANED_FL),
            blkno,
            "ocfs2_dinode.i_links_count",
        )?;
        // Clusters that a file shares with itself are counted as often as they are mapped.
        let shared = self.refcount_loc.is_some();
        check(
            shared || self.clusters <= fs.clusters,
            blkno,
            "ocfs2_dinode.i_clusters",
        )?;
        check(
            fs.is_block_or_none(self.last_eb_blk),
            blkno,
            "ocfs2_dinode.i_last_eb_blk",
        )?;
        check(
            fs.is_block_or_none(self.xattr_loc),
            blkno,
            "ocfs2_dinode.i_xattr_loc",
        )?;
        check(
            self.dx_root.is_none_or(|root| fs.is_block(root)),
            blkno,
            "ocfs2_dinode.i_dx_root",
        )?;
        check(
            self.refcount_loc.is_none_or(|loc| fs.is_block(loc)),
            blkno,
            "ocfs2_dinode.i_refcount_loc",
        )?;
        let xattr_good = match self.dyn_features & INLINE_XATTR_FL {
            0 => true,
            // What is in the dinode today may have to become an extent tomorrow.
            _ => (XATTR_HEADER..=fs.block_size().saturating_sub(I_LIST + ONE_EXTENT))
                .contains(&usize::from(self.xattr_inline_size)),
        };
        check(xattr_good, blkno, "ocfs2_dinode.i_xattr_inline_size")?;
        let stray_rdev =
            matches!(self.id1, Id1::Device(rdev) if rdev != 0) && !self.file_type.is_device();
        check(!stray_rdev, blkno, "ocfs2_dinode.i_rdev")
    }

    fn find_body(&self, raw: Raw<'_>) -> Result<Body> {
        let blkno = self.blkno();
        let special = self.flags & (SUPER_BLOCK_FL | LOCAL_ALLOC_FL | CHAIN_FL | DEALLOC_FL);
        let inline = self.dyn_features & INLINE_DATA_FL != 0;
        if special != 0 {
            // Only mkfs and tunefs make these, as regular system files.
            check(
                self.has_flags(SYSTEM_FL) && self.file_type == FileType::Regular && !inline,
                blkno,
                "ocfs2_dinode.i_flags",
            )?;
            return match special {
                LOCAL_ALLOC_FL => Ok(Body::LocalAlloc),
                CHAIN_FL => Ok(Body::Chain),
                DEALLOC_FL => Ok(Body::TruncateLog),
                _ => Err(Corrupt::new(blkno, "ocfs2_dinode.i_flags")),
            };
        }
        if inline {
            return Ok(Body::Inline {
                room: raw.u16(ID_COUNT),
            });
        }
        if self.file_type == FileType::Symlink && self.clusters == 0 {
            return Ok(Body::FastSymlink);
        }
        Ok(Body::Extents)
    }

    /// Checks size and clusters against the storage that holds the data.
    fn check_body(&self, block: &[u8], fs: &Geometry) -> Result<()> {
        let blkno = self.blkno();
        let bad_size = "ocfs2_dinode.i_size";
        match self.body {
            Body::Inline { room } => {
                let holds_data = matches!(self.file_type, FileType::Regular | FileType::Directory);
                let indexed = self.dyn_features & INDEXED_DIR_FL != 0;
                check(
                    holds_data && !indexed && fs.features.has_incompat(INCOMPAT_INLINE_DATA),
                    blkno,
                    "ocfs2_dinode.i_dyn_features",
                )?;
                check(self.clusters == 0, blkno, "ocfs2_dinode.i_clusters")?;
                check(
                    room <= self.max_inline_data(fs),
                    blkno,
                    "ocfs2_inline_data.id_count",
                )?;
                check(self.size <= u64::from(room), blkno, bad_size)
            }
            Body::FastSymlink => {
                let room = self.id2_range(fs).len() as u64;
                // One byte fewer than the block has, for the terminator that C code looks for.
                let fits = self.size <= room && self.size < (fs.block_size() - ID2) as u64;
                check(self.size != 0 && fits, blkno, bad_size)?;
                let target = block
                    .get(I_SYMLINK..)
                    .and_then(|id2| id2.get(..self.size as usize));
                check(
                    target.is_some_and(|target| !target.contains(&0)),
                    blkno,
                    "ocfs2_dinode.id2.i_symlink",
                )
            }
            Body::Extents => self.check_extents_size(fs),
            Body::Chain | Body::LocalAlloc | Body::TruncateLog => Ok(()),
        }
    }

    fn check_extents_size(&self, fs: &Geometry) -> Result<()> {
        let blkno = self.blkno();
        let allocated = u64::from(self.clusters) << fs.cluster_bits();
        let good = match self.file_type {
            // A directory has no holes, and grows by blocks.
            FileType::Directory => {
                self.size <= allocated && self.size & (fs.block_size() as u64 - 1) == 0
            }
            FileType::Symlink => self.size != 0 && self.size <= MAX_TARGET as u64,
            FileType::Regular => {
                let sparse = fs.features.has_incompat(INCOMPAT_SPARSE_ALLOC);
                let holds = sparse || self.has_flags(SYSTEM_FL) || self.clusters != 0;
                self.size <= fs.max_file_size() && (self.size == 0 || holds)
            }
            _ => true,
        };
        check(good, blkno, "ocfs2_dinode.i_size")
    }
}

/// Most bytes of inline data beside `xattr_inline_size` bytes of inline attributes.
pub fn max_inline_data(fs: &Geometry, xattr_inline_size: u16) -> u16 {
    let room = fs
        .block_size()
        .saturating_sub(ID_DATA + usize::from(xattr_inline_size));
    // A block has at most 4096 bytes.
    room as u16
}

/// Checks that the block is a live dinode of this volume and of this place.
fn check_identity(raw: Raw<'_>, blkno: u64, fs: &Geometry) -> Result<()> {
    check(
        get(raw.0, I_SIGNATURE) == Some(SIGNATURE),
        blkno,
        "ocfs2_dinode.i_signature",
    )?;
    check(raw.u64(I_BLKNO) == blkno, blkno, "ocfs2_dinode.i_blkno")?;
    check(
        raw.u32(I_FS_GENERATION) == fs.fs_generation,
        blkno,
        "ocfs2_dinode.i_fs_generation",
    )?;
    check(
        raw.u32(I_FLAGS) & VALID_FL != 0,
        blkno,
        "ocfs2_dinode.i_flags",
    )
}

fn id1(raw: Raw<'_>, flags: u32, file_type: FileType) -> Id1 {
    let (low, high) = (raw.u32(ID1), raw.u32(ID1 + 4));
    if flags & SYSTEM_FL == 0 {
        return match raw.u64(ID1) {
            0 if !file_type.is_device() => Id1::None,
            rdev => Id1::Device(rdev),
        };
    }
    if flags & BITMAP_FL != 0 {
        Id1::Bitmap {
            used: low,
            total: high,
        }
    } else if flags & JOURNAL_FL != 0 {
        Id1::Journal {
            flags: low,
            recovery_generation: high,
        }
    } else {
        Id1::None
    }
}
