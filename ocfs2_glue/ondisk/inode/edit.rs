// SPDX-License-Identifier: GPL-2.0-only
//! Writing a dinode: single fields, and a fresh one.
//!
//! The caller has the block in a transaction, holds the inode's cluster lock EX, and decoded the
//! block under that lock ([`super::dinode::Dinode::decode`]). Nothing is checked again here.

use super::base::bytes::{put, put_u16, put_u32, put_u64, zero_from, BlockBytes};
use super::base::features::INCOMPAT_INLINE_DATA;
use super::base::file_type::FileType;
use super::base::geometry::Geometry;
use super::base::store::Suballoc;
use super::dinode::*;

/// Size of `struct ocfs2_extent_rec` and of the head of `struct ocfs2_extent_list`.
const EXTENT_REC: usize = 16;
const L_COUNT: usize = I_LIST + 0x02;

/// Sets fields of a dinode, one after the other:
/// `Edit::of(block).size(n).clusters(c).mtime(now).ctime(now);`
///
/// A block too short for a field keeps that field as it is.
pub struct Edit<'a, B: ?Sized>(&'a mut B);

impl<'a, B: BlockBytes + ?Sized> Edit<'a, B> {
    /// Edits the dinode in `block`.
    pub fn of(block: &'a mut B) -> Self {
        Self(block)
    }

    fn u16(self, off: usize, value: u16) -> Self {
        put_u16(self.0, off, value);
        self
    }

    fn u32(self, off: usize, value: u32) -> Self {
        put_u32(self.0, off, value);
        self
    }

    fn u64(self, off: usize, value: u64) -> Self {
        put_u64(self.0, off, value);
        self
    }

    fn time(self, sec: usize, nsec: usize, time: Time) -> Self {
        self.u64(sec, time.sec as u64).u32(nsec, time.nsec)
    }

    /// `i_size`, in bytes.
    pub fn size(self, size: u64) -> Self {
        self.u64(I_SIZE, size)
    }

    /// `i_clusters`.
    pub fn clusters(self, clusters: u32) -> Self {
        self.u32(I_CLUSTERS, clusters)
    }

    /// `i_mode`, type and permissions.
    pub fn mode(self, mode: u16) -> Self {
        self.u16(I_MODE, mode)
    }

    /// `i_uid` and `i_gid`.
    pub fn owner(self, uid: u32, gid: u32) -> Self {
        self.u32(I_UID, uid).u32(I_GID, gid)
    }

    /// `i_links_count` and `i_links_count_hi`.
    pub fn links(self, links: u32) -> Self {
        self.u16(I_LINKS_COUNT, links as u16)
            .u16(I_LINKS_COUNT_HI, (links >> 16) as u16)
    }

    /// `i_flags` whole.
    pub fn flags(self, flags: u32) -> Self {
        self.u32(I_FLAGS, flags)
    }

    /// `i_attr`.
    pub fn attr(self, attr: u32) -> Self {
        self.u32(I_ATTR, attr)
    }

    /// `i_dyn_features` whole.
    pub fn dyn_features(self, dyn_features: u16) -> Self {
        self.u16(I_DYN_FEATURES, dyn_features)
    }

    /// `i_atime`.
    pub fn atime(self, time: Time) -> Self {
        self.time(I_ATIME, I_ATIME_NSEC, time)
    }

    /// `i_mtime`.
    pub fn mtime(self, time: Time) -> Self {
        self.time(I_MTIME, I_MTIME_NSEC, time)
    }

    /// `i_ctime`.
    pub fn ctime(self, time: Time) -> Self {
        self.time(I_CTIME, I_CTIME_NSEC, time)
    }

    /// `i_dtime`, in seconds.
    pub fn dtime(self, sec: u64) -> Self {
        self.u64(I_DTIME, sec)
    }

    /// `i_last_eb_blk`.
    pub fn last_eb_blk(self, blkno: u64) -> Self {
        self.u64(I_LAST_EB_BLK, blkno)
    }

    /// `i_orphaned_slot`; the flag that makes it valid is a matter of [`Edit::flags`].
    pub fn orphaned_slot(self, slot: u16) -> Self {
        self.u16(I_ORPHANED_SLOT, slot)
    }

    /// `i_dx_root`; the flag that makes it valid is a matter of [`Edit::dyn_features`].
    pub fn dx_root(self, blkno: u64) -> Self {
        self.u64(I_DX_ROOT, blkno)
    }

    /// `i_refcount_loc`; the flag that makes it valid is a matter of [`Edit::dyn_features`].
    pub fn refcount_loc(self, blkno: u64) -> Self {
        self.u64(I_REFCOUNT_LOC, blkno)
    }

    /// `i_xattr_loc`.
    pub fn xattr_loc(self, blkno: u64) -> Self {
        self.u64(I_XATTR_LOC, blkno)
    }

    /// `i_xattr_inline_size`; the flag that makes it valid is a matter of [`Edit::dyn_features`].
    pub fn xattr_inline_size(self, bytes: u16) -> Self {
        self.u16(I_XATTR_INLINE_SIZE, bytes)
    }

    /// `id1.dev1.i_rdev`, in the kernel's `huge_encode_dev()` encoding.
    pub fn rdev(self, rdev: u64) -> Self {
        self.u64(ID1, rdev)
    }

    /// `id1.bitmap1`: bits used and bits in all, of an allocator.
    pub fn bitmap(self, used: u32, total: u32) -> Self {
        self.u32(ID1, used).u32(ID1 + 4, total)
    }

    /// `id1.journal1.ij_flags`, of a journal.
    pub fn journal_flags(self, flags: u32) -> Self {
        self.u32(ID1, flags)
    }

    /// `id1.journal1.ij_recovery_generation`, of a journal.
    pub fn journal_recovery_generation(self, generation: u32) -> Self {
        self.u32(ID1 + 4, generation)
    }

    /// `id2.i_data.id_count`, in bytes.
    pub fn inline_room(self, room: u16) -> Self {
        self.u16(ID_COUNT, room)
    }
}

/// Turns `id2` into an empty extent list as long as the block has room for, over what was there.
///
/// `xattr_inline_size`: bytes at the end of the block to leave alone.
pub fn init_extent_list(block: &mut (impl BlockBytes + ?Sized), xattr_inline_size: u16) {
    let end = block
        .bytes()
        .len()
        .saturating_sub(usize::from(xattr_inline_size));
    if let Some(id2) = block.part(ID2..end) {
        id2.fill(0);
        let records = id2.len().saturating_sub(EXTENT_REC) / EXTENT_REC;
        put_u16(block, L_COUNT, records as u16);
    }
}

/// Turns `id2` into empty inline data with all the room that there is, over what was there.
///
/// The flag in `i_dyn_features` and the size are the caller's.
pub fn init_inline_data(block: &mut (impl BlockBytes + ?Sized), xattr_inline_size: u16) {
    let end = block
        .bytes()
        .len()
        .saturating_sub(usize::from(xattr_inline_size));
    if let Some(id2) = block.part(ID2..end) {
        id2.fill(0);
        let room = id2.len().saturating_sub(ID_DATA - ID2);
        put_u16(block, ID_COUNT, room as u16);
    }
}

/// What a new inode starts with.
#[derive(Clone, Copy, Debug)]
pub struct NewInode {
    /// The block, and where it came from. Its slot is the claiming node's, its `loc` as the claim
    /// gave it: the group's block if the group is discontiguous, else 0.
    pub suballoc: Suballoc,
    /// `i_generation`, different from that of the inode that had the block before.
    pub generation: u32,
    /// `i_mode`.
    pub mode: u16,
    /// `i_links_count`: 2 for a directory, else 1; 0 only with [`ORPHANED_FL`] set after.
    pub links: u32,
    /// `i_uid`.
    pub uid: u32,
    /// `i_gid`.
    pub gid: u32,
    /// `i_attr`.
    pub attr: u32,
    /// atime, mtime and ctime.
    pub time: Time,
    /// Device number, for a device.
    pub rdev: u64,
}

/// Formats `block` as a new inode of size zero without storage.
///
/// A directory starts with inline data if the volume has the feature (its two entries are then
/// `dir::block`'s), everything else with an empty extent list. Fields and values are those
/// of `__ocfs2_mknod_locked()` in `srctree/fs/ocfs2/namei.c`.
pub fn init(block: &mut (impl BlockBytes + ?Sized), fs: &Geometry, new: &NewInode) {
    zero_from(block, 0);
    put(block, I_SIGNATURE, &SIGNATURE);
    put_u32(block, I_GENERATION, new.generation);
    put_u32(block, I_FS_GENERATION, fs.fs_generation);
    put_u64(block, I_BLKNO, new.suballoc.blkno);
    put_u16(block, I_SUBALLOC_SLOT, new.suballoc.slot);
    put_u16(block, I_SUBALLOC_BIT, new.suballoc.bit);
    put_u64(block, I_SUBALLOC_LOC, new.suballoc.loc);

    let file_type = FileType::from_mode(new.mode);
    let inline =
        file_type == Some(FileType::Directory) && fs.features.has_incompat(INCOMPAT_INLINE_DATA);
    if inline {
        init_inline_data(block, 0);
    } else {
        init_extent_list(block, 0);
    }
    let edit = Edit::of(block)
        .mode(new.mode)
        .links(new.links)
        .owner(new.uid, new.gid)
        .attr(new.attr)
        .flags(VALID_FL)
        .dyn_features(if inline { INLINE_DATA_FL } else { 0 })
        .atime(new.time)
        .mtime(new.time)
        .ctime(new.time);
    if file_type.is_some_and(FileType::is_device) {
        edit.rdev(new.rdev);
    }
}
