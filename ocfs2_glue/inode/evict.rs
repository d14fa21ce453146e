// SPDX-License-Identifier: GPL-2.0-only
//! Inodes that leave memory.

use crate::{
    meta::{attributes, flush, inode::InodeExt},
    vfs::fs::icache::Evicting,
    Inode,
};
use kernel::prelude::*;

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
