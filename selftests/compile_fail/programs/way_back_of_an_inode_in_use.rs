// SPDX-License-Identifier: GPL-2.0-only
//! A way to an inode that is made while that is evicted would never end. So only a new inode gives
//! one.

use crate::{
    vfs::fs::{backref::Backref, inode::NewInode},
    Inode, Ocfs2,
};
use kernel::{prelude::*, sync::Arc};

fn evict(inode: &Inode, new: &NewInode<Ocfs2>) -> Result<Arc<Backref<Ocfs2>>> {
    #[cfg(not(right))]
    return inode.backref(); //~ E0599 no method named `backref` found for reference `&Inode<Ocfs2>`
    new.backref()
}
