// SPDX-License-Identifier: GPL-2.0-only
//! Inodes that leave memory.

use crate::{
    meta::{attributes, flush, inode::InodeExt},
    vfs::fs::inode::Evicting,
    Inode,
};
use kernel::prelude::*;

/// Writes dirty folios back, before the page cache is truncated and the inode's locks are given up.
///
/// The VFS has done so unless the inode has no links. But this node deletes no inodes yet: another
/// node removed the last link, the file lives as long as it is open anywhere, and the blocks that
/// were allocated for these folios are part of it.
pub(crate) fn write_back(inode: &Inode) {
    // An error is noted in the superblock (`s_wb_err`), for syncfs(2).
    let _ = flush::data(inode);
}

/// `->evict_inode`: writes metadata to where other nodes will read it, and gives the locks up.
pub(crate) fn evict(inode: &Inode, evicting: &Evicting) {
    let data = inode.data();
    let Ok(locks) = inode.locks() else { return };
    // Without a journal nothing was changed, or it was replayed.
    let in_place = matches!(flush::metadata(inode), Ok(()) | Err(EROFS));
    data.jbd().release();
    let opened = data.get_ref().opened.lock().take();
    drop(opened);
    let value = attributes::lock_value(inode);
    locks.open.evict(None, evicting);
    if let Some(rw) = locks.rw.as_ref() {
        rw.evict(None, evicting);
    }
    if in_place {
        locks.meta.evict(value, evicting);
    } else {
        locks.meta.withhold(evicting);
    }
}
