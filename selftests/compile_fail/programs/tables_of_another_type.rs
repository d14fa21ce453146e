// SPDX-License-Identifier: GPL-2.0-only
//! Operations take an inode for one of their own file system, with its private part behind it.

use crate::{
    vfs::fs::{
        attr::Attributes,
        file_system::FileSystem,
        icache::NewInode,
        tables::Tables,
    },
    InodeRef, Ocfs2,
};

fn finish<T: FileSystem>(new: NewInode<T>, a: &Attributes, its: &Tables<T>, ours: &Tables<Ocfs2>) {
    #[cfg(not(right))]
    return drop(new.finish(a, 0, 0, ours)); //~ E0308 expected `&Tables<T>`, found `&Tables<Ocfs2>`
    drop(new.finish(a, 0, 0, its));
}

fn finish_ours(new: NewInode<Ocfs2>, a: &Attributes, ours: &Tables<Ocfs2>) -> InodeRef {
    new.finish(a, 0, 0, ours)
}
