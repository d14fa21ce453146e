// SPDX-License-Identifier: GPL-2.0-only
//! Attributes of inodes: mode, owner, size, times.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/stat.h`](srctree/include/linux/stat.h)
//!
//! Times, owners and sizes are read and written by C's own functions. Other words that change
//! while readers look, `i_mode`, `i_nlink` and `i_blocks`, are read and written in one piece
//! (`READ_ONCE`, `WRITE_ONCE`): a reader sees the old value or the new one.
//!
//! Not supported: ACLs, idmapped mounts, birth times.

use super::{
    file_system::FileSystem,
    inode::{Inode, OfInode},
};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::atomic::{atomic_load, atomic_store, Relaxed},
};

// `i_size_write()` and stores to `i_blocks` and `d_time` are one store each, which needs no lock
// against readers, on 64 bit only.
#[cfg(not(CONFIG_64BIT))]
compile_error!("inode sizes are written without a lock against readers, which needs CONFIG_64BIT");

/// Seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Time {
    /// Seconds.
    pub(crate) sec: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub(crate) nsec: u32,
}

impl Time {
    fn from_c(time: bindings::timespec64) -> Self {
        Self {
            sec: time.tv_sec,
            nsec: time.tv_nsec as u32,
        }
    }
}

/// The time of day, as coarse as the kernel stamps inodes.
pub(crate) fn now() -> Time {
    let mut time = MaybeUninit::<bindings::timespec64>::uninit();
    // SAFETY: The function fills the struct.
    Time::from_c(unsafe {
        bindings::ktime_get_coarse_real_ts64(time.as_mut_ptr());
        time.assume_init()
    })
}

/// The attributes that a file system keeps for the VFS.
#[derive(Clone, Copy, Default)]
pub(crate) struct Attributes {
    /// Type and permission bits, `S_IFMT` included.
    pub(crate) mode: u16,
    /// Owner, as the disk has it.
    pub(crate) uid: u32,
    /// Group, as the disk has it.
    pub(crate) gid: u32,
    /// Number of links.
    pub(crate) nlink: u32,
    /// Size in bytes.
    pub(crate) size: i64,
    /// Allocated room, in sectors of 512 bytes.
    pub(crate) blocks: u64,
    /// Last access.
    pub(crate) atime: Time,
    /// Last change of the content.
    pub(crate) mtime: Time,
    /// Last change of the inode.
    pub(crate) ctime: Time,
}

/// Proofs that a file system has, for its attributes in memory. Setters ask for them.
pub(crate) trait Proofs: FileSystem {
    /// Says that this task has an inode to itself, on all nodes. What changes size, times and
    /// other attributes in memory asks for it, and gets no other.
    type Exclusive<'a>: OfInode<Self>;
    /// Says that an inode's attributes are older than another node's, and that this task is the
    /// one to bring them up to date.
    type Refresh<'a>: OfInode<Self>;
}

impl<T: Proofs> Inode<T> {
    /// Sets the size. What protects it is `held`, and the file system's own lock around that.
    pub(crate) fn set_size(held: &T::Exclusive<'_>, size: i64) {
        held.inode().write_size(size);
    }

    /// Sets allocated room, in sectors of 512 bytes.
    pub(crate) fn set_blocks(held: &T::Exclusive<'_>, sectors: u64) {
        held.inode().write_blocks(sectors);
    }

    /// Takes attributes over from the disk or a lock value block. What type of inode it is
    /// (`S_IFMT`) stays as it is: operations, and C's unions, go by that.
    pub(crate) fn set_attributes(fresh: &T::Refresh<'_>, a: &Attributes) {
        fresh.inode().write_attributes(a);
    }

    /// Sets all attributes that chmod(2), chown(2), utimes(2) and truncate(2) change.
    pub(crate) fn change_attributes(held: &T::Exclusive<'_>, a: &Attributes) {
        held.inode().write_attributes(a);
    }

    /// Has the VFS act on flags as chattr(1) sets them, `FS_*_FL`: the five that it knows
    /// (`i_flags`). Others do nothing here.
    pub(crate) fn set_flags(fresh: &T::Refresh<'_>, attr: u32) {
        fresh.inode().write_flags(attr);
    }

    /// Sets mtime and ctime.
    pub(crate) fn set_modified(held: &T::Exclusive<'_>, time: Time) {
        let raw = held.inode().as_raw();
        // SAFETY: The inode is valid; C callers, too, write time stamps without a lock against
        // readers.
        unsafe {
            bindings::inode_set_ctime(raw, time.sec, time.nsec as c_long);
            bindings::inode_set_mtime(raw, time.sec, time.nsec as c_long);
        }
    }
}

impl<T: FileSystem> Inode<T> {
    /// Number of links.
    pub(crate) fn nlink(&self) -> u32 {
        // SAFETY: The word is valid and aligned. C changes it by one store, which counts as atomic.
        unsafe {
            atomic_load(
                &raw mut (*self.as_raw()).__bindgen_anon_1.__i_nlink,
                Relaxed,
            )
        }
    }

    /// Allocated room, in sectors of 512 bytes.
    fn blocks(&self) -> u64 {
        // SAFETY: The word is valid and aligned, and changed by one store.
        unsafe { atomic_load(&raw mut (*self.as_raw()).i_blocks, Relaxed) }
    }

    fn write_size(&self, size: i64) {
        // SAFETY: On 64-bit kernels, and there are no others, this is one store.
        unsafe { bindings::i_size_write(self.as_raw(), size) };
    }

    fn write_blocks(&self, sectors: u64) {
        // SAFETY: The word is valid and aligned; readers load it in one piece. Written under the
        // same locks as the size.
        unsafe { atomic_store(&raw mut (*self.as_raw()).i_blocks, sectors, Relaxed) };
    }

    fn write_mode(&self, mode: u16) {
        // SAFETY: The word is valid and aligned; readers load it in one piece. (There is an atomic
        // store for `i16`, and none for `u16`.)
        unsafe {
            let word = (&raw mut (*self.as_raw()).i_mode).cast::<i16>();
            atomic_store(word, mode as i16, Relaxed);
        }
    }

    pub(in crate::vfs) fn write_attributes(&self, a: &Attributes) {
        let raw = self.as_raw();
        let kind = bindings::S_IFMT as u16;
        self.write_mode(self.mode() & kind | a.mode & !kind);
        // SAFETY: The inode is valid. These are words that C code, too, updates without a lock
        // against readers when another node changed them.
        unsafe {
            bindings::i_uid_write(raw, a.uid);
            bindings::i_gid_write(raw, a.gid);
            bindings::set_nlink(raw, a.nlink);
            bindings::inode_set_atime(raw, a.atime.sec, a.atime.nsec as c_long);
            bindings::inode_set_mtime(raw, a.mtime.sec, a.mtime.nsec as c_long);
            bindings::inode_set_ctime(raw, a.ctime.sec, a.ctime.nsec as c_long);
        }
        self.write_size(a.size);
        self.write_blocks(a.blocks);
    }

    pub(in crate::vfs) fn write_flags(&self, attr: u32) {
        const KNOWN: [(u32, u32); 5] = [
            (bindings::FS_SYNC_FL, bindings::S_SYNC),
            (bindings::FS_IMMUTABLE_FL, bindings::S_IMMUTABLE),
            (bindings::FS_APPEND_FL, bindings::S_APPEND),
            (bindings::FS_NOATIME_FL, bindings::S_NOATIME),
            (bindings::FS_DIRSYNC_FL, bindings::S_DIRSYNC),
        ];
        let (mut flags, mut mask) = (0, 0);
        for (fs, vfs) in KNOWN {
            mask |= vfs;
            if attr & fs != 0 {
                flags |= vfs;
            }
        }
        // SAFETY: The inode is valid; other bits of the word may change at the same time.
        unsafe { bindings::inode_set_flags(self.as_raw(), flags, mask) };
    }

    /// The attributes as they are in memory.
    pub(crate) fn attributes(&self) -> Attributes {
        let raw = self.as_raw();
        // SAFETY: The inode is valid; these functions may be called at any time.
        let (uid, gid, atime, mtime, ctime) = unsafe {
            (
                bindings::i_uid_read(raw),
                bindings::i_gid_read(raw),
                Time {
                    sec: bindings::inode_get_atime_sec(raw),
                    nsec: bindings::inode_get_atime_nsec(raw) as u32,
                },
                Time {
                    sec: bindings::inode_get_mtime_sec(raw),
                    nsec: bindings::inode_get_mtime_nsec(raw) as u32,
                },
                Time {
                    sec: bindings::inode_get_ctime_sec(raw),
                    nsec: bindings::inode_get_ctime_nsec(raw) as u32,
                },
            )
        };
        Attributes {
            mode: self.mode(),
            uid,
            gid,
            nlink: self.nlink(),
            size: self.size(),
            blocks: self.blocks(),
            atime,
            mtime,
            ctime,
        }
    }

    /// What a time stamp of this inode should say now.
    pub(crate) fn current_time(&self) -> Time {
        // SAFETY: The inode is valid, and has a superblock.
        Time::from_c(unsafe { bindings::current_time(self.as_raw()) })
    }
}

/// Which attributes change; C: `struct iattr`.
pub(crate) struct Change<'a> {
    raw: NonNull<bindings::iattr>,
    dentry: NonNull<bindings::dentry>,
    idmap: *mut bindings::mnt_idmap,
    _call: PhantomData<&'a mut bindings::iattr>,
}

impl Change<'_> {
    /// The change that `->setattr` is called for.
    ///
    /// # Safety
    ///
    /// All three are what the VFS passes to `->setattr`, and the value is gone before that has
    /// returned.
    pub(in crate::vfs) unsafe fn from_raw(
        idmap: *mut bindings::mnt_idmap,
        dentry: *mut bindings::dentry,
        raw: *mut bindings::iattr,
    ) -> Self {
        // SAFETY: By the contract they are valid, and so not null.
        unsafe {
            Self {
                raw: NonNull::new_unchecked(raw),
                dentry: NonNull::new_unchecked(dentry),
                idmap,
                _call: PhantomData,
            }
        }
    }

    /// New size in bytes, if that changes.
    pub(crate) fn size(&self) -> Option<i64> {
        // SAFETY: Valid during the call; only this task uses it.
        let attr = unsafe { self.raw.as_ref() };
        (attr.ia_valid & bindings::ATTR_SIZE != 0).then_some(attr.ia_size)
    }

    /// Checks that the change is allowed (`setattr_prepare`), which it is by the attributes that
    /// are in memory.
    pub(crate) fn prepare(&mut self) -> Result {
        // SAFETY: The dentry is positive, and its inode is locked by the caller of `->setattr`.
        to_result(unsafe {
            bindings::setattr_prepare(self.idmap, self.dentry.as_ptr(), self.raw.as_ptr())
        })
    }

    /// What the attributes of `inode` are with the change, by the rules of `setattr_copy()`. Nothing
    /// is changed yet.
    pub(crate) fn attributes<T: FileSystem>(&self, inode: &Inode<T>) -> Attributes {
        // SAFETY: Valid during the call; only this task uses it.
        let raw = unsafe { self.raw.as_ref() };
        let has = |bit| raw.ia_valid & bit != 0;
        let mut a = inode.attributes();
        // SAFETY: Both members of either union are one word, set if the bit is. The file system
        // doesn't support idmapped mounts, so it is the owner as the disk has it.
        unsafe {
            if has(bindings::ATTR_UID) {
                a.uid = raw.__bindgen_anon_1.ia_uid.val;
            }
            if has(bindings::ATTR_GID) {
                a.gid = raw.__bindgen_anon_2.ia_gid.val;
            }
        }
        if has(bindings::ATTR_MODE) {
            a.mode = raw.ia_mode;
            let group = bindings::vfsgid_t { val: a.gid };
            // SAFETY: The inode is valid, and `->setattr` passed the map.
            let may = unsafe { bindings::in_group_or_capable(self.idmap, inode.as_raw(), group) };
            if !may {
                a.mode &= !(bindings::S_ISGID as u16);
            }
        }
        if has(bindings::ATTR_SIZE) {
            a.size = raw.ia_size;
        }
        if has(bindings::ATTR_ATIME) {
            a.atime = Time::from_c(raw.ia_atime);
        }
        if has(bindings::ATTR_MTIME) {
            a.mtime = Time::from_c(raw.ia_mtime);
        }
        if has(bindings::ATTR_CTIME) {
            a.ctime = Time::from_c(raw.ia_ctime);
        }
        a
    }

    /// Copies all but the size into the inode (`setattr_copy`), which is the one that `held` is
    /// for, else nothing.
    pub(crate) fn apply<T: Proofs>(&self, held: &T::Exclusive<'_>) {
        // SAFETY: As above.
        unsafe {
            let inode = (*self.dentry.as_ptr()).d_inode;
            if held.inode().as_raw() == inode {
                bindings::setattr_copy(self.idmap, inode, self.raw.as_ptr());
            }
        }
    }
}

/// The answer to stat(2); C: `struct kstat`.
pub(crate) struct Stat<'a> {
    pub(in crate::vfs) raw: &'a mut bindings::kstat,
    pub(in crate::vfs) idmap: *mut bindings::mnt_idmap,
    pub(in crate::vfs) mask: u32,
}

impl Stat<'_> {
    /// Fills it from the attributes that are in memory (`generic_fillattr`), with the file
    /// system's block size.
    pub(crate) fn fill<T: FileSystem>(&mut self, inode: &Inode<T>) {
        // SAFETY: Inode and answer are valid; `->getattr` passed the map and the mask.
        unsafe {
            bindings::generic_fillattr(self.idmap, self.mask, inode.as_raw(), self.raw);
            self.raw.blksize = (*(*inode.as_raw()).i_sb).s_blocksize as u32;
        }
    }
}

/// An access that has to be allowed first; C: the mask of `->permission`.
pub(crate) struct Access {
    pub(in crate::vfs) mask: c_int,
    pub(in crate::vfs) idmap: *mut bindings::mnt_idmap,
}

impl Access {
    /// Checks it by the attributes that are in memory (`generic_permission`).
    pub(crate) fn check<T: FileSystem>(&self, inode: &Inode<T>) -> Result {
        // SAFETY: The inode is valid; `->permission` passed the map and the mask.
        to_result(unsafe { bindings::generic_permission(self.idmap, inode.as_raw(), self.mask) })
    }
}
