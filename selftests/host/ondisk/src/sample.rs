// SPDX-License-Identifier: GPL-2.0-only
//! Structures to begin a test with, where it doesn't matter what is in them.

use crate::ondisk::base::store::Suballoc;
use crate::ondisk::inode::dinode::Time;
use crate::ondisk::inode::edit::NewInode;

/// A directory whose dinode is block `blkno`.
pub fn new_directory(blkno: u64) -> NewInode {
    NewInode {
        suballoc: Suballoc {
            blkno,
            slot: 0,
            bit: 1,
            loc: 0,
        },
        generation: 1,
        mode: 0o40755,
        links: 2,
        uid: 0,
        gid: 0,
        attr: 0,
        time: Time::default(),
        rdev: 0,
    }
}
