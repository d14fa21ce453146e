// SPDX-License-Identifier: GPL-2.0-only
//! Which operations an inode gets.

use crate::{
    aops::Aops,
    dir::Dir,
    file::File,
    ondisk::file_type::FileType,
    vfs::{address_space, dir, file, inode::Tables},
    Ocfs2,
};

type Mapping = address_space::Callbacks<Ocfs2, Aops>;
type DirOps = dir::Callbacks<Ocfs2, Dir>;
type FileOps = file::Callbacks<Ocfs2, File>;

static REGULAR: Tables = Tables {
    inode: &DirOps::FILE_INODE,
    file: &FileOps::TABLE,
    mapping: &Mapping::TABLE,
};

static DIRECTORY: Tables = Tables {
    inode: &DirOps::DIR_INODE,
    file: &DirOps::DIR_FILE,
    mapping: &Mapping::TABLE,
};

static SYMLINK: Tables = Tables {
    inode: &DirOps::SYMLINK_INODE,
    file: &FileOps::TABLE,
    mapping: &Mapping::TABLE,
};

/// The tables for a file of this type. Special files get their file operations from the VFS.
pub(crate) fn of(kind: FileType) -> &'static Tables {
    match kind {
        FileType::Directory => &DIRECTORY,
        FileType::Symlink => &SYMLINK,
        _ => &REGULAR,
    }
}
