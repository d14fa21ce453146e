// SPDX-License-Identifier: GPL-2.0-only
//! File types: as mode bits of a dinode, and as a directory entry's byte.
//!
//! `srctree/include/uapi/linux/stat.h` (`S_IF*`), `srctree/include/linux/fs_dirent.h` (`FT_*`).

/// Mask of the file type in a mode (`S_IFMT`).
pub const S_IFMT: u16 = 0o170000;

/// The seven types of POSIX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// `S_IFIFO`
    Fifo,
    /// `S_IFCHR`
    CharDevice,
    /// `S_IFDIR`
    Directory,
    /// `S_IFBLK`
    BlockDevice,
    /// `S_IFREG`
    Regular,
    /// `S_IFLNK`
    Symlink,
    /// `S_IFSOCK`
    Socket,
}

impl FileType {
    /// Type that a directory entry's `file_type` names (`FT_*`), `None` for 0 and unknown ones.
    pub const fn from_dirent(file_type: u8) -> Option<Self> {
        Some(match file_type {
            1 => Self::Regular,
            2 => Self::Directory,
            3 => Self::CharDevice,
            4 => Self::BlockDevice,
            5 => Self::Fifo,
            6 => Self::Socket,
            7 => Self::Symlink,
            _ => return None,
        })
    }

    /// Type as a directory entry's `file_type` (`FT_*`).
    pub const fn to_dirent(self) -> u8 {
        match self {
            Self::Regular => 1,
            Self::Directory => 2,
            Self::CharDevice => 3,
            Self::BlockDevice => 4,
            Self::Fifo => 5,
            Self::Socket => 6,
            Self::Symlink => 7,
        }
    }

    /// Type in the mode bits, `None` if they name none.
    pub const fn from_mode(mode: u16) -> Option<Self> {
        Some(match mode & S_IFMT {
            0o010000 => Self::Fifo,
            0o020000 => Self::CharDevice,
            0o040000 => Self::Directory,
            0o060000 => Self::BlockDevice,
            0o100000 => Self::Regular,
            0o120000 => Self::Symlink,
            0o140000 => Self::Socket,
            _ => return None,
        })
    }

    /// Whether `id1` of such an inode is a device number.
    pub const fn is_device(self) -> bool {
        matches!(self, Self::CharDevice | Self::BlockDevice)
    }
}
