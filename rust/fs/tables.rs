// SPDX-License-Identifier: GPL-2.0-only
//! Which operations an inode gets.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! An inode's own type (`S_IFMT`) decides whether it is operated as a directory, a symbolic link,
//! or a file, since C takes it for granted that the tables fit that: a `->get_link` makes a symbolic
//! link of any inode.
//!
//! Not supported: tables of operations for each type of inode that a file system chooses itself.

use super::{address_space, dir, file, super_block::FileSystem};
use core::marker::PhantomData;
use kernel::bindings;

/// Operations on the content of inodes of `T`; all live as long as the module. Those on
/// directories, and on attributes, are [`FileSystem::Dir`]'s.
///
/// # Invariants
///
/// The tables have callbacks for `T`.
pub(crate) struct Tables<T: FileSystem> {
    file: &'static bindings::file_operations,
    pub(in crate::vfs) mapping: &'static bindings::address_space_operations,
    _type: PhantomData<fn() -> T>,
}

impl<T: FileSystem> Tables<T> {
    /// For content in blocks of the device, or in inodes on it.
    pub(crate) const fn new<F, A>() -> Self
    where
        F: file::Operations<T>,
        A: address_space::Operations<T>,
    {
        const { assert!(T::ON_DEVICE) };
        Self::with::<F>(&address_space::Callbacks::<T, A>::TABLE)
    }

    /// With a table of callbacks for `T`.
    pub(in crate::vfs) const fn with<F: file::Operations<T>>(
        mapping: &'static bindings::address_space_operations,
    ) -> Self {
        // INVARIANT: By the types, and the caller's choice.
        Self {
            file: &file::Callbacks::<T, F>::TABLE,
            mapping,
            _type: PhantomData,
        }
    }

    /// The tables for an inode of this mode. Special files get their file operations from the VFS.
    pub(in crate::vfs) fn of(
        &self,
        mode: u16,
    ) -> (
        &'static bindings::inode_operations,
        &'static bindings::file_operations,
    ) {
        match u32::from(mode) & bindings::S_IFMT {
            bindings::S_IFDIR => (
                &dir::Callbacks::<T, T::Dir>::DIR_INODE,
                &dir::Callbacks::<T, T::Dir>::DIR_FILE,
            ),
            bindings::S_IFLNK => (&dir::Callbacks::<T, T::Dir>::SYMLINK_INODE, self.file),
            _ => (&dir::Callbacks::<T, T::Dir>::FILE_INODE, self.file),
        }
    }
}
