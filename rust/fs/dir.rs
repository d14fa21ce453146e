// SPDX-License-Identifier: GPL-2.0-only
//! Operations on directories, their entries, and attributes.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/dcache.h`](srctree/include/linux/dcache.h)
//!
//! Not supported: everything but lookup, readdir, the creation of regular files and symbolic links.

use super::{
    extents, file, flock,
    folio::NoFolio,
    inode::{Attributes, Inode, OfInode, Time},
    inode_ref::InodeRef,
    super_block::FileSystem,
    xattr,
};
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};
use kernel::{
    bindings,
    error::{from_err_ptr, from_result, to_result},
    prelude::*,
};

/// `LOOKUP_RCU` of `srctree/include/linux/namei.h`.
const LOOKUP_RCU: c_uint = 1 << 8;

/// `MAY_NOT_BLOCK` of `srctree/include/linux/fs.h`.
const MAY_NOT_BLOCK: c_int = 0x80;

/// C: the parts of `struct inode_operations`, `struct file_operations` and
/// `struct dentry_operations` that concern directories, for file system `T`.
pub(crate) trait Operations<T: FileSystem> {
    /// `->lookup`: the inode of `name` in `dir`, if there is one. The directory is locked.
    fn lookup(dir: &Inode<T>, entry: &Entry<'_>, wait: &NoFolio) -> Result<Option<InodeRef<T>>>;

    /// `->create`: makes a regular file. The directory is locked exclusively.
    fn create(dir: &Inode<T>, entry: &Entry<'_>, mode: u16, wait: &NoFolio) -> Result<InodeRef<T>>;

    /// `->symlink`: makes a symbolic link to `target`. The directory is locked exclusively.
    fn symlink(
        _dir: &Inode<T>,
        _entry: &Entry<'_>,
        _target: &CStr,
        _wait: NoFolio,
    ) -> Result<InodeRef<T>> {
        // As if there were no such operation.
        Err(EPERM)
    }

    /// `->d_revalidate`: whether a cached entry, positive or negative, still says the truth. One
    /// that doesn't is dropped, and what is mounted on it or below is unmounted.
    fn revalidate(dir: &Inode<T>, entry: &Entry<'_>, wait: &NoFolio) -> Result<bool>;

    /// `->iterate_shared`: emits entries from the present position on.
    fn iterate(dir: &Inode<T>, out: &mut Emitter<'_>, wait: &NoFolio) -> Result;

    /// `->fsync` of a directory.
    fn fsync(dir: &Inode<T>, data_only: bool, wait: &NoFolio) -> Result;
}

/// C: the attribute operations of `struct inode_operations`.
pub(crate) trait Attr<T: FileSystem> {
    /// For `->getattr` and `->permission`: brings the attributes in memory up to date.
    fn refresh(inode: &Inode<T>, wait: &NoFolio) -> Result;

    /// `->setattr`, after `setattr_prepare`. The inode lock is held.
    fn setattr(inode: &Inode<T>, change: Change<'_>, wait: NoFolio) -> Result;
}

/// A cached directory entry that is being looked at; C: `struct dentry`.
pub(crate) struct Entry<'a> {
    raw: NonNull<bindings::dentry>,
    name: &'a [u8],
}

impl Entry<'_> {
    /// The name, 1 to 255 bytes without '/' and NUL.
    pub(crate) fn name(&self) -> &[u8] {
        self.name
    }

    /// Number of the inode that it leads to; `None` for a negative entry.
    pub(crate) fn ino(&self) -> Option<u64> {
        // SAFETY: The dentry is valid. A positive one that is in use keeps its inode; one that
        // becomes positive meanwhile is seen as either.
        let inode = unsafe { ptr::read_volatile(&raw const (*self.raw.as_ptr()).d_inode) };
        // SAFETY: As above; `i_ino` was set before the inode could be found and doesn't change.
        NonNull::new(inode).map(|inode| unsafe { (*inode.as_ptr()).i_ino })
    }

    /// What [`Entry::set_stamp`] was told last; 0 if nothing since the entry was looked up.
    pub(crate) fn stamp(&self) -> u64 {
        // SAFETY: `d_time` is the file system's own word in a valid dentry.
        unsafe { (*self.raw.as_ptr()).d_time as u64 }
    }

    /// Remembers with the entry when it was known to be right (`d_time`).
    pub(crate) fn set_stamp(&self, stamp: u64) {
        // SAFETY: As above; a torn or stale value can only lead to one more look-up.
        unsafe { (*self.raw.as_ptr()).d_time = stamp as usize };
    }
}

/// Where readdir puts entries; C: `struct dir_context`.
pub(crate) struct Emitter<'a> {
    raw: NonNull<bindings::dir_context>,
    _context: PhantomData<&'a mut bindings::dir_context>,
}

impl Emitter<'_> {
    /// Position, in bytes of the directory as the format has it.
    pub(crate) fn pos(&self) -> i64 {
        // SAFETY: The context is valid during the operation.
        unsafe { self.raw.as_ref() }.pos
    }

    /// Sets where the next call goes on.
    pub(crate) fn set_pos(&mut self, pos: i64) {
        // SAFETY: As above, and this task's own.
        unsafe { self.raw.as_mut() }.pos = pos;
    }

    /// Hands one entry over; `false` if the buffer is full. `kind` is a `DT_` value. May fault in
    /// user memory: no lock that a page fault takes may be held.
    pub(crate) fn emit(&mut self, name: &[u8], ino: u64, kind: u8) -> bool {
        // SAFETY: The context is valid, the name is copied before this returns.
        unsafe {
            bindings::dir_emit(
                self.raw.as_ptr(),
                name.as_ptr().cast(),
                name.len() as c_int,
                ino,
                kind.into(),
            )
        }
    }
}

/// Which attributes change; C: `struct iattr`.
pub(crate) struct Change<'a> {
    raw: &'a bindings::iattr,
    inode: NonNull<bindings::inode>,
}

impl Change<'_> {
    /// New size in bytes, if that changes.
    pub(crate) fn size(&self) -> Option<i64> {
        (self.raw.ia_valid & bindings::ATTR_SIZE != 0).then_some(self.raw.ia_size)
    }

    /// New type and permissions, if these change.
    pub(crate) fn mode(&self) -> Option<u16> {
        (self.raw.ia_valid & bindings::ATTR_MODE != 0).then_some(self.raw.ia_mode)
    }

    /// What the attributes of `inode` are with the change, by the rules of `setattr_copy()`. Nothing
    /// is changed yet.
    pub(crate) fn attributes<T: FileSystem>(&self, inode: &Inode<T>) -> Attributes {
        let (raw, valid) = (self.raw, self.raw.ia_valid);
        let has = |bit| valid & bit != 0;
        let time = |t: &bindings::timespec64| Time {
            sec: t.tv_sec,
            nsec: t.tv_nsec as u32,
        };
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
            // SAFETY: The inode is valid, the map the identity.
            let may = unsafe {
                let idmap = &raw mut bindings::nop_mnt_idmap;
                bindings::in_group_or_capable(idmap, inode.as_raw(), group)
            };
            if !may {
                a.mode &= !(bindings::S_ISGID as u16);
            }
        }
        if has(bindings::ATTR_SIZE) {
            a.size = raw.ia_size;
        }
        if has(bindings::ATTR_ATIME) {
            a.atime = time(&raw.ia_atime);
        }
        if has(bindings::ATTR_MTIME) {
            a.mtime = time(&raw.ia_mtime);
        }
        if has(bindings::ATTR_CTIME) {
            a.ctime = time(&raw.ia_ctime);
        }
        a
    }

    /// Copies all but the size into the inode (`setattr_copy`), which is the one that `held` is
    /// for, else nothing.
    pub(crate) fn apply<T: FileSystem>(&self, held: &T::Exclusive<'_>) {
        if held.inode().as_raw() != self.inode.as_ptr() {
            return;
        }
        // SAFETY: The inode is locked by the caller of `->setattr`; the file system doesn't
        // support idmapped mounts, so the idmap is the identity.
        unsafe {
            bindings::setattr_copy(
                &raw mut bindings::nop_mnt_idmap,
                self.inode.as_ptr(),
                self.raw,
            )
        };
    }
}

/// C callbacks for [`Operations`] and [`Attr`].
pub(in crate::vfs) struct Callbacks<T, O>(PhantomData<(T, O)>);

// SAFETY (of the zeroed tables below): every member is an optional function or pointer.
impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    /// Inode operations of directories.
    pub(in crate::vfs) const DIR_INODE: bindings::inode_operations = bindings::inode_operations {
        lookup: Some(Self::lookup),
        create: Some(Self::create),
        symlink: Some(Self::symlink),
        getattr: Some(Self::getattr),
        setattr: Some(Self::setattr),
        permission: Some(Self::permission),
        get_inode_acl: Some(xattr::Callbacks::<T, T::Xattr>::get_inode_acl),
        listxattr: Some(xattr::Callbacks::<T, T::Xattr>::list),
        fiemap: extents::Callbacks::<T>::FIEMAP,
        // SAFETY: All-zero is a valid table.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// Inode operations of regular and special files.
    pub(in crate::vfs) const FILE_INODE: bindings::inode_operations = bindings::inode_operations {
        getattr: Some(Self::getattr),
        setattr: Some(Self::setattr),
        permission: Some(Self::permission),
        get_inode_acl: Some(xattr::Callbacks::<T, T::Xattr>::get_inode_acl),
        listxattr: Some(xattr::Callbacks::<T, T::Xattr>::list),
        fiemap: extents::Callbacks::<T>::FIEMAP,
        // SAFETY: All-zero is a valid table.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// Inode operations of symbolic links, whose target is read through the page cache.
    pub(in crate::vfs) const SYMLINK_INODE: bindings::inode_operations =
        bindings::inode_operations {
            get_link: Some(bindings::page_get_link),
            getattr: Some(Self::getattr),
            setattr: Some(Self::setattr),
            listxattr: Some(xattr::Callbacks::<T, T::Xattr>::list),
            fiemap: extents::Callbacks::<T>::FIEMAP,
            // SAFETY: All-zero is a valid table.
            ..unsafe { MaybeUninit::zeroed().assume_init() }
        };

    /// File operations of directories.
    pub(in crate::vfs) const DIR_FILE: bindings::file_operations = bindings::file_operations {
        llseek: Some(extents::Callbacks::<T>::llseek),
        read: Some(bindings::generic_read_dir),
        iterate_shared: Some(Self::iterate),
        release: Some(flock::Callbacks::<T>::release),
        flock: Some(flock::Callbacks::<T>::flock),
        fsync: Some(Self::fsync),
        // SAFETY: All-zero is a valid table.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// Dentry operations of the whole file system.
    pub(in crate::vfs) const DENTRY: bindings::dentry_operations = bindings::dentry_operations {
        d_revalidate: Some(Self::revalidate),
        // SAFETY: All-zero is a valid table.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    unsafe extern "C" fn lookup(
        dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        _flags: c_uint,
    ) -> *mut bindings::dentry {
        // SAFETY: The VFS passes a locked directory and a dentry that is being looked up.
        let (dir, e, wait) = unsafe {
            (
                Inode::<T>::from_raw(dir),
                entry(dentry),
                NoFolio::at_entry(),
            )
        };
        // A new dentry's is whatever was in its memory. Each one comes by here before anybody else
        // can find it.
        e.set_stamp(0);
        let inode = match O::lookup(dir, &e, &wait) {
            Ok(Some(inode)) => inode.into_raw(),
            Ok(None) => core::ptr::null_mut(),
            Err(e) => return e.to_ptr(),
        };
        // SAFETY: The inode reference is handed over.
        let alias = unsafe { bindings::d_splice_alias(inode, dentry) };
        if let Some(alias) = from_err_ptr(alias).ok().and_then(NonNull::new) {
            // A directory that has a dentry: that was moved here, and is what the VFS goes on with.
            // SAFETY: It is referenced.
            unsafe { (*alias.as_ptr()).d_time = (*dentry).d_time };
        }
        alias
    }

    unsafe extern "C" fn create(
        _idmap: *mut bindings::mnt_idmap,
        dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        mode: bindings::umode_t,
    ) -> c_int {
        // SAFETY: The VFS passes a locked directory and a negative dentry.
        let (dir, e, wait) = unsafe {
            (
                Inode::<T>::from_raw(dir),
                entry(dentry),
                NoFolio::at_entry(),
            )
        };
        from_result(|| {
            let inode = O::create(dir, &e, mode, &wait)?;
            // SAFETY: The dentry is negative; the inode reference is handed over.
            unsafe { bindings::d_instantiate(dentry, inode.into_raw()) };
            Ok(0)
        })
    }

    unsafe extern "C" fn symlink(
        _idmap: *mut bindings::mnt_idmap,
        dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        target: *const c_char,
    ) -> c_int {
        // SAFETY: The VFS passes a locked directory, a negative dentry and a C string.
        let (dir, e, target, wait) = unsafe {
            (
                Inode::<T>::from_raw(dir),
                entry(dentry),
                CStr::from_char_ptr(target),
                NoFolio::at_entry(),
            )
        };
        from_result(|| {
            let inode = O::symlink(dir, &e, target, wait)?;
            // SAFETY: The dentry is negative; the inode reference is handed over.
            unsafe { bindings::d_instantiate(dentry, inode.into_raw()) };
            Ok(0)
        })
    }

    unsafe extern "C" fn revalidate(
        dir: *mut bindings::inode,
        name: *const bindings::qstr,
        dentry: *mut bindings::dentry,
        flags: c_uint,
    ) -> c_int {
        if flags & LOOKUP_RCU != 0 {
            return -(bindings::ECHILD as c_int);
        }
        // SAFETY: Without LOOKUP_RCU all three are kept alive by the caller, and `name` is a
        // stable copy of the dentry's name.
        let (dir, e, wait) = unsafe {
            let len = (*name).__bindgen_anon_1.__bindgen_anon_1.len as usize;
            let bytes = core::slice::from_raw_parts((*name).name, len);
            let e = Entry {
                raw: NonNull::new_unchecked(dentry),
                name: bytes,
            };
            (Inode::<T>::from_raw(dir), e, NoFolio::at_entry())
        };
        from_result(|| O::revalidate(dir, &e, &wait).map(c_int::from))
    }

    unsafe extern "C" fn iterate(
        file: *mut bindings::file,
        ctx: *mut bindings::dir_context,
    ) -> c_int {
        // SAFETY: The VFS passes an open directory, locked shared, and a valid context.
        let (dir, raw, wait) = unsafe {
            (
                file::file_inode::<T>(file),
                NonNull::new_unchecked(ctx),
                NoFolio::at_entry(),
            )
        };
        from_result(|| {
            O::iterate(
                dir,
                &mut Emitter {
                    raw,
                    _context: PhantomData,
                },
                &wait,
            )
            .map(|()| 0)
        })
    }

    unsafe extern "C" fn fsync(
        file: *mut bindings::file,
        _start: bindings::loff_t,
        _end: bindings::loff_t,
        datasync: c_int,
    ) -> c_int {
        // SAFETY: The VFS passes an open directory and holds no folio lock.
        let (dir, wait) = unsafe { (file::file_inode::<T>(file), NoFolio::at_entry()) };
        from_result(|| O::fsync(dir, datasync != 0, &wait).map(|()| 0))
    }

    unsafe extern "C" fn getattr(
        idmap: *mut bindings::mnt_idmap,
        path: *const bindings::path,
        stat: *mut bindings::kstat,
        mask: u32,
        _flags: c_uint,
    ) -> c_int {
        // SAFETY: The VFS passes a valid path to a positive dentry, and holds no folio lock.
        let (raw, wait) = unsafe { ((*(*path).dentry).d_inode, NoFolio::at_entry()) };
        from_result(|| {
            // SAFETY: The dentry keeps its inode.
            T::Attr::refresh(unsafe { Inode::from_raw(raw) }, &wait)?;
            // SAFETY: As above; `stat` is valid for writing.
            unsafe {
                bindings::generic_fillattr(idmap, mask, raw, stat);
                (*stat).blksize = (*(*raw).i_sb).s_blocksize as u32;
            }
            Ok(0)
        })
    }

    /// The private part of an inode isn't for RCU walks, which find freed ones.
    unsafe extern "C" fn permission(
        idmap: *mut bindings::mnt_idmap,
        raw: *mut bindings::inode,
        mask: c_int,
    ) -> c_int {
        if mask & MAY_NOT_BLOCK != 0 {
            return -(bindings::ECHILD as c_int);
        }
        // SAFETY: Without MAY_NOT_BLOCK the caller has a reference, and holds no folio lock.
        let (inode, wait) = unsafe { (Inode::from_raw(raw), NoFolio::at_entry()) };
        from_result(|| {
            T::Attr::refresh(inode, &wait)?;
            // SAFETY: As above.
            to_result(unsafe { bindings::generic_permission(idmap, raw, mask) }).map(|()| 0)
        })
    }

    unsafe extern "C" fn setattr(
        idmap: *mut bindings::mnt_idmap,
        dentry: *mut bindings::dentry,
        iattr: *mut bindings::iattr,
    ) -> c_int {
        // SAFETY: The VFS passes a positive dentry whose inode it has locked.
        let (raw, wait) = unsafe { ((*dentry).d_inode, NoFolio::at_entry()) };
        from_result(|| {
            // SAFETY: The dentry keeps its inode.
            let inode = unsafe { Inode::from_raw(raw) };
            T::Attr::refresh(inode, &wait)?;
            // SAFETY: As above.
            to_result(unsafe { bindings::setattr_prepare(idmap, dentry, iattr) })?;
            // SAFETY: The attributes are the VFS's, valid and unchanged during the call.
            let change = Change {
                raw: unsafe { &*iattr },
                inode: unsafe { NonNull::new_unchecked(raw) },
            };
            T::Attr::setattr(inode, change, wait).map(|()| 0)
        })
    }
}

/// # Safety
///
/// `dentry` is valid, and its name can't change, for `'a`.
unsafe fn entry<'a>(dentry: *mut bindings::dentry) -> Entry<'a> {
    // SAFETY: By the contract.
    unsafe {
        let q = &(*dentry).__bindgen_anon_1.d_name;
        let len = q.__bindgen_anon_1.__bindgen_anon_1.len as usize;
        Entry {
            raw: NonNull::new_unchecked(dentry),
            name: core::slice::from_raw_parts(q.name, len),
        }
    }
}
