// SPDX-License-Identifier: GPL-2.0-only
//! File handles, as name_to_handle_at(2), open_by_handle_at(2) and NFS servers use them.
//!
//! C header: [`include/linux/exportfs.h`](srctree/include/linux/exportfs.h)
//!
//! A handle is three little-endian words for the inode and, where the caller wants one that can be
//! connected, three for its parent: types 1 and 2.
//!
//! Not supported: names of connected entries (the VFS reads the directory), block layouts.

use super::{
    folio::NoFolio,
    inode::Inode,
    inode_ref::InodeRef,
    super_block::{FileSystem, SuperBlock},
};
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};
use kernel::{bindings, prelude::*};

/// What an inode is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handle {
    /// Inode number.
    pub(crate) ino: u64,
    /// Generation, which tells inodes with the same number apart.
    pub(crate) generation: u32,
}

/// Words of a handle without a parent, and with one.
const WORDS: c_int = 3;
const WORDS_WITH_PARENT: c_int = 6;
/// Types of handles, as the in-tree driver numbers them.
const ALONE: c_int = 1;
const WITH_PARENT: c_int = 2;
/// `FILEID_INVALID` of `srctree/include/linux/exportfs.h`.
const INVALID: c_int = 0xff;

/// C: `struct export_operations`.
pub(crate) trait Operations<T: FileSystem> {
    /// Whether there are handles.
    const SUPPORTED: bool;

    /// The inode that a handle stands for. The handle may be anything.
    ///
    /// # Errors
    ///
    /// `ESTALE` if there is no such inode (any more).
    fn open(sb: &SuperBlock<T>, handle: Handle, wait: &NoFolio) -> Result<InodeRef<T>>;

    /// The directory that directory `dir` is in.
    fn parent(dir: &Inode<T>, wait: &NoFolio) -> Result<InodeRef<T>>;
}

/// A file system without handles.
impl<T: FileSystem> Operations<T> for () {
    const SUPPORTED: bool = false;

    fn open(_: &SuperBlock<T>, _: Handle, _: &NoFolio) -> Result<InodeRef<T>> {
        Err(EOPNOTSUPP)
    }

    fn parent(_: &Inode<T>, _: &NoFolio) -> Result<InodeRef<T>> {
        Err(EOPNOTSUPP)
    }
}

impl<T: FileSystem> SuperBlock<T> {
    /// Inode `ino`, if it is in memory. Waits for its eviction if that has begun, and for a task that
    /// brings it in, which waits for the cluster.
    pub(crate) fn cached(&self, ino: u64, _wait: &NoFolio) -> Option<InodeRef<T>> {
        // SAFETY: The superblock is valid.
        let raw = unsafe { bindings::ilookup(self.as_raw(), ino) };
        let inode = NonNull::new(raw.cast::<Inode<T>>())?;
        // SAFETY: The reference that `ilookup` gave is ours.
        Some(unsafe { InodeRef::from_raw(inode) })
    }
}

/// C callbacks for [`Operations`].
pub(super) struct Callbacks<T, E>(PhantomData<(T, E)>);

impl<T: FileSystem, E: Operations<T>> Callbacks<T, E> {
    const TABLE: bindings::export_operations = bindings::export_operations {
        encode_fh: Some(Self::encode_fh),
        fh_to_dentry: Some(Self::fh_to_dentry),
        fh_to_parent: Some(Self::fh_to_parent),
        get_parent: Some(Self::get_parent),
        // SAFETY: All-zero is a valid table: every other member is an optional function or a word.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// `s_export_op`: null for a file system without handles.
    pub(super) const OPERATIONS: *const bindings::export_operations = if E::SUPPORTED {
        &Self::TABLE
    } else {
        ptr::null()
    };

    unsafe extern "C" fn encode_fh(
        inode: *mut bindings::inode,
        words: *mut u32,
        max_len: *mut c_int,
        parent: *mut bindings::inode,
    ) -> c_int {
        // SAFETY: The VFS passes a valid inode, perhaps its parent, and room for `max_len` words.
        unsafe {
            let (need, kind) = match parent.is_null() {
                true => (WORDS, ALONE),
                false => (WORDS_WITH_PARENT, WITH_PARENT),
            };
            let room = core::mem::replace(&mut *max_len, need);
            if room < need {
                return INVALID;
            }
            put(words, Inode::<T>::from_raw(inode));
            if !parent.is_null() {
                put(words.add(WORDS as usize), Inode::<T>::from_raw(parent));
            }
            kind
        }
    }

    unsafe extern "C" fn fh_to_dentry(
        sb: *mut bindings::super_block,
        fid: *mut bindings::fid,
        len: c_int,
        kind: c_int,
    ) -> *mut bindings::dentry {
        if len < WORDS || !(ALONE..=WITH_PARENT).contains(&kind) {
            return ptr::null_mut();
        }
        // SAFETY: A handle of that length.
        let handle = unsafe { get(fid.cast()) };
        // SAFETY: The VFS passes a superblock that was filled.
        open::<T, E>(unsafe { SuperBlock::from_raw(sb) }, handle)
    }

    unsafe extern "C" fn fh_to_parent(
        sb: *mut bindings::super_block,
        fid: *mut bindings::fid,
        len: c_int,
        kind: c_int,
    ) -> *mut bindings::dentry {
        if len < WORDS_WITH_PARENT || kind != WITH_PARENT {
            return ptr::null_mut();
        }
        // SAFETY: A handle of that length.
        let handle = unsafe { get(fid.cast::<u32>().add(WORDS as usize)) };
        // SAFETY: As for `fh_to_dentry`.
        open::<T, E>(unsafe { SuperBlock::from_raw(sb) }, handle)
    }

    unsafe extern "C" fn get_parent(child: *mut bindings::dentry) -> *mut bindings::dentry {
        // SAFETY: The VFS passes the entry of a directory, which keeps its inode, and holds no folio
        // lock.
        let (dir, wait) = unsafe { (Inode::<T>::from_raw((*child).d_inode), NoFolio::at_entry()) };
        alias(E::parent(dir, &wait))
    }
}

fn open<T: FileSystem, E: Operations<T>>(
    sb: &SuperBlock<T>,
    handle: Handle,
) -> *mut bindings::dentry {
    // SAFETY: Who opens by handle holds no folio lock.
    alias(E::open(sb, handle, &unsafe { NoFolio::at_entry() }))
}

/// A dentry for an inode, connected or not.
fn alias<T: FileSystem>(inode: Result<InodeRef<T>>) -> *mut bindings::dentry {
    match inode {
        // SAFETY: The reference is handed over, whether this succeeds or not.
        Ok(inode) => unsafe { bindings::d_obtain_alias(inode.into_raw()) },
        Err(e) => e.to_ptr(),
    }
}

/// # Safety
///
/// There is room for [`WORDS`] words.
unsafe fn put<T: FileSystem>(words: *mut u32, inode: &Inode<T>) {
    let ino = inode.ino();
    let handle = [(ino >> 32) as u32, ino as u32, inode.generation()];
    for (place, word) in handle.into_iter().enumerate() {
        // SAFETY: By the contract. Handles are aligned to words.
        unsafe { words.add(place).write(word.to_le()) };
    }
}

/// # Safety
///
/// There are [`WORDS`] words.
unsafe fn get(words: *const u32) -> Handle {
    // SAFETY: By the contract. Handles are aligned to words.
    let word = |place| u32::from_le(unsafe { words.add(place).read() });
    Handle {
        ino: u64::from(word(0)) << 32 | u64::from(word(1)),
        generation: word(2),
    }
}
