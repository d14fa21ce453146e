// SPDX-License-Identifier: GPL-2.0-only
//! Superblock operations.
//!
//! C headers: [`include/linux/fs/super_types.h`](srctree/include/linux/fs/super_types.h),
//! [`include/linux/statfs.h`](srctree/include/linux/statfs.h)
//!
//! Not supported: what [`Operations`] has no method for. The VFS does what it does for a C file
//! system whose table has no such member.

use super::{
    file_system::FileSystem,
    folio::NoFolio,
    icache::{self, Evicting},
    inode::Inode,
    super_block::SuperBlock,
};
use core::{marker::PhantomData, mem::MaybeUninit};
use kernel::{
    bindings, build_error,
    error::{from_result, VTABLE_DEFAULT_ERROR},
    prelude::*,
    seq_file::SeqFile,
};

/// C: `struct super_operations`, for file system `T`.
#[vtable]
pub(crate) trait Operations<T: FileSystem> {
    /// `->alloc_inode`: initialises the private part of an inode that was just allocated.
    fn alloc_inode() -> impl PinInit<T::Inode>;

    /// Runs first in `->evict_inode`: writes back what must not be lost.
    ///
    /// The VFS writes nothing back for an inode with a link count of 0. Where another node counts
    /// the links, such an inode may still be open there. What is dirty afterwards is dropped.
    fn before_evict(_inode: &Inode<T>, _evicting: &Evicting) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->evict_inode`, after the page cache was truncated and before `clear_inode`.
    fn evict_inode(_inode: &Inode<T>, _evicting: &Evicting) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->put_super`: nothing but the file system itself has an inode now. When this has returned,
    /// unmount waits until every inode is gone.
    fn put_super(_sb: &SuperBlock<T>, _wait: &NoFolio) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->sync_fs`.
    fn sync_fs(_sb: &SuperBlock<T>, _wait: bool) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->statfs`.
    fn statfs(_sb: &SuperBlock<T>, _wait: &NoFolio) -> Result<StatFs> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->show_options`: what is in force, each option after a comma.
    fn show_options(_sb: &SuperBlock<T>, _out: &SeqFile) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// The answer to statfs(2). Counts are in blocks of `block_size` bytes.
#[derive(Default)]
pub(crate) struct StatFs {
    /// Bytes a block.
    pub(crate) block_size: u32,
    /// Blocks on the volume.
    pub(crate) blocks: u64,
    /// Free blocks.
    pub(crate) free: u64,
    /// Inodes.
    pub(crate) files: u64,
    /// Free inodes.
    pub(crate) files_free: u64,
    /// `f_fsid`.
    pub(crate) fsid: u64,
    /// Longest file name, in bytes.
    pub(crate) name_len: u32,
}

/// C callbacks for [`Operations`].
pub(in crate::vfs) struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    /// The table.
    pub(in crate::vfs) const TABLE: bindings::super_operations = bindings::super_operations {
        alloc_inode: Some(Self::alloc_inode),
        destroy_inode: Some(icache::destroy_inode::<T>),
        free_inode: Some(icache::free_inode::<T>),
        evict_inode: Some(Self::evict_inode),
        put_super: Some(Self::put_super),
        sync_fs: if O::HAS_SYNC_FS {
            Some(Self::sync_fs)
        } else {
            None
        },
        statfs: if O::HAS_STATFS {
            Some(Self::statfs)
        } else {
            None
        },
        show_options: if O::HAS_SHOW_OPTIONS {
            Some(Self::show_options)
        } else {
            None
        },
        // SAFETY: All-zero is a valid table: every member is an optional function.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    unsafe extern "C" fn alloc_inode(sb: *mut bindings::super_block) -> *mut bindings::inode {
        // SAFETY: The VFS passes a superblock of this type, which has its operations.
        unsafe { icache::alloc_inode::<T>(sb, O::alloc_inode()) }
    }

    unsafe extern "C" fn evict_inode(raw: *mut bindings::inode) {
        // SAFETY: The VFS calls this once for an inode that nobody uses.
        unsafe {
            icache::evict_inode::<T>(
                raw,
                |inode, evicting| {
                    if O::HAS_BEFORE_EVICT {
                        O::before_evict(inode, evicting);
                    }
                },
                |inode, evicting| {
                    if O::HAS_EVICT_INODE {
                        O::evict_inode(inode, evicting);
                    }
                },
            )
        };
    }

    unsafe extern "C" fn put_super(raw: *mut bindings::super_block) {
        // SAFETY: `->put_super` is called for superblocks that were filled; unmount holds the lock
        // of no folio of them, as there are none.
        let (sb, wait) = unsafe { (SuperBlock::<T>::from_raw(raw), NoFolio::at_entry()) };
        if O::HAS_PUT_SUPER {
            O::put_super(sb, &wait);
        }
        // SAFETY: `s_id` is a NUL-terminated array that doesn't change any more.
        sb.private()
            .inodes
            .wait(unsafe { CStr::from_char_ptr((*raw).s_id.as_ptr()) });
    }

    unsafe extern "C" fn sync_fs(raw: *mut bindings::super_block, wait: c_int) -> c_int {
        // SAFETY: `->sync_fs` is called for superblocks that were filled.
        let sb = unsafe { SuperBlock::<T>::from_raw(raw) };
        from_result(|| O::sync_fs(sb, wait != 0).map(|()| 0))
    }

    unsafe extern "C" fn statfs(
        dentry: *mut bindings::dentry,
        buf: *mut bindings::kstatfs,
    ) -> c_int {
        // SAFETY: The dentry is valid and of this file system; statfs(2) holds no folio lock.
        let (sb, wait) = unsafe {
            (
                SuperBlock::<T>::from_raw((*dentry).d_sb),
                NoFolio::at_entry(),
            )
        };
        from_result(|| {
            let s = O::statfs(sb, &wait)?;
            // SAFETY: `buf` is valid for writing during the call, and nobody else has it.
            let buf = unsafe { &mut *buf };
            buf.f_type = T::MAGIC as _;
            buf.f_bsize = s.block_size as _;
            buf.f_blocks = s.blocks;
            buf.f_bfree = s.free;
            buf.f_bavail = s.free;
            buf.f_files = s.files;
            buf.f_ffree = s.files_free;
            buf.f_fsid.val = [s.fsid as i32, (s.fsid >> 32) as i32];
            buf.f_namelen = s.name_len as _;
            Ok(0)
        })
    }

    unsafe extern "C" fn show_options(
        seq: *mut bindings::seq_file,
        root: *mut bindings::dentry,
    ) -> c_int {
        // SAFETY: The VFS passes its own `seq_file`, which nobody else uses during the call, and a
        // dentry of a superblock that was filled.
        let (out, sb) = unsafe {
            (
                SeqFile::from_raw(seq),
                SuperBlock::<T>::from_raw((*root).d_sb),
            )
        };
        O::show_options(sb, out);
        0
    }
}
