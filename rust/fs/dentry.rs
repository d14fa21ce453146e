// SPDX-License-Identifier: GPL-2.0-only
//! Cached directory entries, and their operations.
//!
//! C header: [`include/linux/dcache.h`](srctree/include/linux/dcache.h)
//!
//! Not supported: operations of single dentries, hashing and comparing names otherwise.

use super::{file_system::FileSystem, folio::NoFolio, inode::Inode};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    bindings, build_error,
    error::{from_result, VTABLE_DEFAULT_ERROR},
    prelude::*,
    sync::atomic::{atomic_load, atomic_store, Acquire, Relaxed},
};

/// C: `struct dentry_operations`, for file system `T`.
#[vtable]
pub(crate) trait Operations<T: FileSystem> {
    /// `->d_revalidate`: whether a cached entry, positive or negative, is still right. The VFS
    /// drops one that isn't, and unmounts what is mounted on it or below.
    fn d_revalidate(_dir: &Inode<T>, _entry: &Entry<'_>, _wait: &NoFolio) -> Result<bool> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// A cached directory entry, lent for a call; C: `struct dentry`.
pub(crate) struct Entry<'a> {
    raw: NonNull<bindings::dentry>,
    name: &'a [u8],
}

impl Entry<'_> {
    /// The entry that an operation is called for.
    ///
    /// # Safety
    ///
    /// `dentry` is valid, and its name can't change, during `'a`: its directory is locked.
    pub(in crate::vfs) unsafe fn from_raw(dentry: *mut bindings::dentry) -> Self {
        // SAFETY: By the contract.
        unsafe { Self::with_name(dentry, &raw const (*dentry).__bindgen_anon_1.d_name) }
    }

    /// The same with a stable copy of the name.
    ///
    /// # Safety
    ///
    /// Both are valid during `'a`, and `name` doesn't change.
    unsafe fn with_name(dentry: *mut bindings::dentry, name: *const bindings::qstr) -> Self {
        // SAFETY: By the contract; a valid pointer isn't null.
        unsafe {
            let len = (*name).__bindgen_anon_1.__bindgen_anon_1.len as usize;
            Self {
                raw: NonNull::new_unchecked(dentry),
                name: core::slice::from_raw_parts((*name).name, len),
            }
        }
    }

    /// The name, 1 to 255 bytes without '/' and NUL.
    pub(crate) fn name(&self) -> &[u8] {
        self.name
    }

    /// Number of the inode that it leads to; `None` for a negative entry.
    pub(crate) fn ino(&self) -> Option<u64> {
        // SAFETY: The dentry is valid. A positive one that is in use keeps its inode; one that
        // becomes positive meanwhile, by one store, is seen as either.
        let inode = unsafe { atomic_load(&raw mut (*self.raw.as_ptr()).d_inode, Acquire) };
        // SAFETY: As above; `i_ino` was set before the inode could be found and doesn't change.
        NonNull::new(inode).map(|inode| unsafe { (*inode.as_ptr()).i_ino })
    }

    fn d_time(&self) -> *mut usize {
        // SAFETY: The dentry is valid.
        unsafe { &raw mut (*self.raw.as_ptr()).d_time }
    }

    /// The last value of [`Entry::set_stamp`]; 0 if there was none since the entry was looked up.
    pub(crate) fn stamp(&self) -> u64 {
        // SAFETY: `d_time` is the file system's own word in a valid dentry. It is accessed in one
        // piece, here and below, and nowhere else.
        unsafe { atomic_load(self.d_time(), Relaxed) as u64 }
    }

    /// Remembers with the entry when it was known to be right (`d_time`).
    pub(crate) fn set_stamp(&self, stamp: u64) {
        // SAFETY: As above. A stale value can only lead to one more look-up.
        unsafe { atomic_store(self.d_time(), stamp as usize, Relaxed) };
    }
}

/// C callbacks for [`Operations`].
pub(in crate::vfs) struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    /// The table, for all dentries of a superblock.
    pub(in crate::vfs) const TABLE: bindings::dentry_operations = bindings::dentry_operations {
        d_revalidate: if O::HAS_D_REVALIDATE {
            Some(Self::d_revalidate)
        } else {
            None
        },
        // SAFETY: All-zero is a valid table: every member is an optional function.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    unsafe extern "C" fn d_revalidate(
        dir: *mut bindings::inode,
        name: *const bindings::qstr,
        dentry: *mut bindings::dentry,
        flags: c_uint,
    ) -> c_int {
        if flags & bindings::LOOKUP_RCU != 0 {
            return -(bindings::ECHILD as c_int);
        }
        // SAFETY: Without LOOKUP_RCU the caller keeps all three alive, and `name` is a stable copy
        // of the dentry's name. A path walk holds no folio lock.
        let (dir, e, wait) = unsafe {
            (
                Inode::<T>::from_raw(dir),
                Entry::with_name(dentry, name),
                NoFolio::at_entry(),
            )
        };
        from_result(|| O::d_revalidate(dir, &e, &wait).map(c_int::from))
    }
}
