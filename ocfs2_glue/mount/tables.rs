// SPDX-License-Identifier: GPL-2.0-only
//! Which operations an inode gets.

use crate::{
    data::{aops::Aops, file::File},
    inode::attr::{FileInode, SymlinkInode},
    namei::dir::{DirFile, DirInode},
    vfs::fs::tables::{Content, Directory, InodeTables, Regular, Special, Symlink, Tables},
    Ocfs2,
};

impl InodeTables for Ocfs2 {
    const TABLES: Tables<Self> = Tables {
        directory: Directory::new::<DirInode, DirFile>(),
        regular: Regular::new::<FileInode, File>(),
        symlink: Symlink::new::<SymlinkInode>(),
        special: Special::new::<FileInode>(),
        content: Content::in_blocks::<Aops>(),
    };
}
