// SPDX-License-Identifier: GPL-2.0-only
//! What the VFS lends for a callback can't be kept: after it the folios are others' again.

use crate::{vfs::fs::aops::Readahead, Inode, Ocfs2};

fn readahead<'a>(inode: &'a Inode, batch: Readahead<'a, Ocfs2>) {
    fn keep(_: Readahead<'static, Ocfs2>) {}
    #[cfg(not(right))]
    keep(batch); //~ E0521 borrowed data escapes outside of function
    let _ = inode.ino();
}
