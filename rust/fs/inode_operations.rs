// SPDX-License-Identifier: GPL-2.0-only
//! Inode operations.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! Not supported: what [`Operations`] has no method for. The VFS does what it does for a C file
//! system whose table has no such member, as a rule fail with `EPERM` or `EOPNOTSUPP`.

use super::{
    attr::{Access, Change, Stat},
    dentry::Entry,
    extents::Report,
    file_system::FileSystem,
    folio::NoFolio,
    inode::Inode,
    inode_ref::InodeRef,
};
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};
use kernel::{
    bindings, build_error,
    error::{from_err_ptr, from_result, VTABLE_DEFAULT_ERROR},
    prelude::*,
};

/// C: `struct inode_operations`, for one kind of inodes of file system `T`.
#[vtable]
pub(crate) trait Operations<T: FileSystem> {
    /// `->lookup`: the inode of `entry` in `dir`, if there is one. The directory is locked.
    fn lookup(_dir: &Inode<T>, _entry: &Entry<'_>, _wait: &NoFolio) -> Result<Option<InodeRef<T>>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->permission`: whether this task may access the inode so.
    fn permission(_inode: &Inode<T>, _access: &Access, _wait: &NoFolio) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->create`: makes a regular file. The directory is locked exclusively.
    fn create(
        _dir: &Inode<T>,
        _entry: &Entry<'_>,
        _mode: u16,
        _wait: &NoFolio,
    ) -> Result<InodeRef<T>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->symlink`: makes a symbolic link to `target`. The directory is locked exclusively.
    fn symlink(
        _dir: &Inode<T>,
        _entry: &Entry<'_>,
        _target: &CStr,
        _wait: NoFolio,
    ) -> Result<InodeRef<T>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->getattr`: answers stat(2).
    fn getattr(_inode: &Inode<T>, _stat: &mut Stat<'_>, _wait: &NoFolio) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->setattr`. The inode lock is held.
    fn setattr(_inode: &Inode<T>, _change: Change<'_>, _wait: NoFolio) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->fiemap`: where the data is.
    fn fiemap(_report: Report<'_, T>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// C callbacks for [`Operations`].
pub(in crate::vfs) struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    /// The table.
    pub(in crate::vfs) const TABLE: bindings::inode_operations = bindings::inode_operations {
        lookup: if O::HAS_LOOKUP {
            Some(Self::lookup)
        } else {
            None
        },
        permission: if O::HAS_PERMISSION {
            Some(Self::permission)
        } else {
            None
        },
        create: if O::HAS_CREATE {
            Some(Self::create)
        } else {
            None
        },
        symlink: if O::HAS_SYMLINK {
            Some(Self::symlink)
        } else {
            None
        },
        getattr: if O::HAS_GETATTR {
            Some(Self::getattr)
        } else {
            None
        },
        setattr: if O::HAS_SETATTR {
            Some(Self::setattr)
        } else {
            None
        },
        fiemap: if O::HAS_FIEMAP {
            Some(Self::fiemap)
        } else {
            None
        },
        // SAFETY: All-zero is a valid table: every member is an optional function.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// The table for symbolic links, whose target is read through the page cache.
    pub(in crate::vfs) const SYMLINK: bindings::inode_operations = bindings::inode_operations {
        get_link: Some(bindings::page_get_link),
        ..Self::TABLE
    };

    unsafe extern "C" fn lookup(
        dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        _flags: c_uint,
    ) -> *mut bindings::dentry {
        // SAFETY: The VFS passes a locked directory and a dentry that is being looked up.
        let (dir, e, wait) = unsafe { Self::entry(dir, dentry) };
        // A new dentry's stamp is whatever was in its memory. Each one comes by here before
        // anybody else can find it.
        e.set_stamp(0);
        let inode = match O::lookup(dir, &e, &wait) {
            Ok(Some(inode)) => inode.into_raw(),
            Ok(None) => ptr::null_mut(),
            Err(e) => return e.to_ptr(),
        };
        // SAFETY: The inode reference is handed over.
        let alias = unsafe { bindings::d_splice_alias(inode, dentry) };
        if let Some(alias) = from_err_ptr(alias).ok().and_then(NonNull::new) {
            // A directory that has a dentry, which was moved here. The VFS goes on with that one.
            // SAFETY: It is referenced, and its name is stable: its directory is locked.
            unsafe { Entry::from_raw(alias.as_ptr()) }.set_stamp(e.stamp());
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
        let (dir, e, wait) = unsafe { Self::entry(dir, dentry) };
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
        let ((dir, e, wait), target) =
            unsafe { (Self::entry(dir, dentry), CStr::from_char_ptr(target)) };
        from_result(|| {
            let inode = O::symlink(dir, &e, target, wait)?;
            // SAFETY: The dentry is negative; the inode reference is handed over.
            unsafe { bindings::d_instantiate(dentry, inode.into_raw()) };
            Ok(0)
        })
    }

    unsafe extern "C" fn getattr(
        idmap: *mut bindings::mnt_idmap,
        path: *const bindings::path,
        stat: *mut bindings::kstat,
        mask: u32,
        _flags: c_uint,
    ) -> c_int {
        // SAFETY: The VFS passes a valid path to a positive dentry, which keeps its inode, and a
        // buffer that is valid for writing; it holds no folio lock.
        let (inode, raw, wait) = unsafe {
            (
                Inode::from_raw((*(*path).dentry).d_inode),
                &mut *stat,
                NoFolio::at_entry(),
            )
        };
        from_result(|| O::getattr(inode, &mut Stat { raw, idmap, mask }, &wait).map(|()| 0))
    }

    /// The private part of an inode isn't for RCU walks, which find freed ones.
    unsafe extern "C" fn permission(
        idmap: *mut bindings::mnt_idmap,
        raw: *mut bindings::inode,
        mask: c_int,
    ) -> c_int {
        if mask as u32 & bindings::MAY_NOT_BLOCK != 0 {
            return -(bindings::ECHILD as c_int);
        }
        // SAFETY: Without MAY_NOT_BLOCK the caller has a reference, and holds no folio lock.
        let (inode, wait) = unsafe { (Inode::from_raw(raw), NoFolio::at_entry()) };
        from_result(|| O::permission(inode, &Access { mask, idmap }, &wait).map(|()| 0))
    }

    unsafe extern "C" fn setattr(
        idmap: *mut bindings::mnt_idmap,
        dentry: *mut bindings::dentry,
        iattr: *mut bindings::iattr,
    ) -> c_int {
        // SAFETY: The VFS passes a positive dentry whose inode it has locked, and holds no folio
        // lock. The dentry keeps its inode.
        let (inode, change, wait) = unsafe {
            (
                Inode::from_raw((*dentry).d_inode),
                Change::from_raw(idmap, dentry, iattr),
                NoFolio::at_entry(),
            )
        };
        from_result(|| O::setattr(inode, change, wait).map(|()| 0))
    }

    unsafe extern "C" fn fiemap(
        raw: *mut bindings::inode,
        info: *mut bindings::fiemap_extent_info,
        start: u64,
        len: u64,
    ) -> c_int {
        // SAFETY: The VFS passes an inode that the caller keeps.
        let inode = unsafe { Inode::from_raw(raw) };
        let report = Report {
            inode,
            info,
            start,
            len,
        };
        from_result(|| O::fiemap(report).map(|()| 0))
    }

    /// # Safety
    ///
    /// `dir` is a directory of `T`, locked for the operation that is called with it and `dentry`,
    /// an entry of it. No folio of that file system is locked.
    unsafe fn entry<'a>(
        dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
    ) -> (&'a Inode<T>, Entry<'a>, NoFolio) {
        // SAFETY: By the contract.
        unsafe {
            (
                Inode::from_raw(dir),
                Entry::from_raw(dentry),
                NoFolio::at_entry(),
            )
        }
    }
}
