// SPDX-License-Identifier: GPL-2.0-only
//! Which operations an inode gets.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! An inode's own type (`S_IFMT`) decides whether it is operated as a directory, a symbolic link,
//! a file or something special, since C takes it for granted that the tables fit that: a
//! `->get_link` makes a symbolic link of any inode.
//!
//! Not supported: symbolic links whose target isn't read through the page cache.

use super::{aops, file, file_system::FileSystem, get_block::GetBlock, inode_operations as inode};
use core::marker::PhantomData;
use kernel::bindings;

/// Operations on an inode, and on a file that was opened.
type Pair = (
    &'static bindings::inode_operations,
    &'static bindings::file_operations,
);

/// Operations for directories.
pub(crate) struct Directory<T>(Pair, PhantomData<fn() -> T>);

/// Operations for regular files.
pub(crate) struct Regular<T>(Pair, PhantomData<fn() -> T>);

/// Operations for symbolic links. `->get_link` reads the target through the page cache.
pub(crate) struct Symlink<T>(&'static bindings::inode_operations, PhantomData<fn() -> T>);

/// Operations for devices, pipes and sockets. The VFS has those on files that are opened.
pub(crate) struct Special<T>(&'static bindings::inode_operations, PhantomData<fn() -> T>);

/// Operations on the page cache.
pub(crate) struct Content<T>(
    &'static bindings::address_space_operations,
    PhantomData<fn() -> T>,
);

impl<T: FileSystem> Directory<T> {
    /// `I` on the inode, `F` on a directory that is open.
    pub(crate) const fn new<I: inode::Operations<T>, F: file::Operations<T>>() -> Self {
        Self(
            (
                &inode::Callbacks::<T, I>::TABLE,
                &file::Callbacks::<T, F>::TABLE,
            ),
            PhantomData,
        )
    }
}

impl<T: FileSystem> Regular<T> {
    /// `I` on the inode, `F` on a file that is open.
    pub(crate) const fn new<I: inode::Operations<T>, F: file::Operations<T>>() -> Self {
        Self(
            (
                &inode::Callbacks::<T, I>::TABLE,
                &file::Callbacks::<T, F>::TABLE,
            ),
            PhantomData,
        )
    }
}

impl<T: FileSystem> Symlink<T> {
    /// `I` on the inode, besides `->get_link`.
    pub(crate) const fn new<I: inode::Operations<T>>() -> Self {
        Self(&inode::Callbacks::<T, I>::SYMLINK, PhantomData)
    }
}

impl<T: FileSystem> Special<T> {
    /// `I` on the inode.
    pub(crate) const fn new<I: inode::Operations<T>>() -> Self {
        Self(&inode::Callbacks::<T, I>::TABLE, PhantomData)
    }
}

impl<T: FileSystem> Content<T> {
    /// For content in blocks of the device, or in inodes on it.
    pub(crate) const fn in_blocks<A: aops::Operations<T> + GetBlock<T>>() -> Self {
        const { assert!(T::ON_DEVICE) };
        Self(&aops::Callbacks::<T, A>::BLOCKS, PhantomData)
    }

    /// For content in memory; see [`super::memory`].
    pub(crate) const fn in_memory<A: aops::Operations<T>>() -> Self {
        Self(&aops::Callbacks::<T, A>::MEMORY, PhantomData)
    }
}

/// Operations for each type of inodes of `T`; all live as long as the module.
///
/// # Invariants
///
/// The tables have callbacks for `T`.
pub(crate) struct Tables<T> {
    /// For `S_IFDIR`.
    pub(crate) directory: Directory<T>,
    /// For `S_IFREG`.
    pub(crate) regular: Regular<T>,
    /// For `S_IFLNK`.
    pub(crate) symlink: Symlink<T>,
    /// For the rest.
    pub(crate) special: Special<T>,
    /// For all of them.
    pub(crate) content: Content<T>,
}

impl<T: FileSystem> Tables<T> {
    /// The tables for an inode of this mode. Special files get their file operations, in place of
    /// these, from `init_special_inode()`.
    pub(in crate::vfs) fn of(&self, mode: u16) -> Pair {
        match u32::from(mode) & bindings::S_IFMT {
            bindings::S_IFDIR => self.directory.0,
            bindings::S_IFLNK => (self.symlink.0, self.regular.0 .1),
            bindings::S_IFREG => self.regular.0,
            _ => (self.special.0, self.regular.0 .1),
        }
    }

    /// Operations on the page cache.
    pub(in crate::vfs) fn mapping(&self) -> &'static bindings::address_space_operations {
        self.content.0
    }
}

/// For file systems whose tables depend on the type of an inode only. They implement it in a module
/// that may use all those operations, so that looking an inode up needn't.
pub(crate) trait InodeTables: FileSystem {
    /// The tables.
    const TABLES: Tables<Self>;
}
