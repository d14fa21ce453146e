// SPDX-License-Identifier: GPL-2.0-only
//! How large folios may be is for a new inode to say, whose page cache nobody looks at yet.

use crate::{vfs::fs::icache::NewInode, Inode, Ocfs2};

fn iget(inode: &Inode, new: &NewInode<Ocfs2>) {
    #[cfg(not(right))]
    inode.allow_large_folios(); //~ E0599 no method named `allow_large_folios` found for reference `&Inode<Ocfs2>`
    let _ = inode;
    new.allow_large_folios();
}
