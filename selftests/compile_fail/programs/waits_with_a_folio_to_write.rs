// SPDX-License-Identifier: GPL-2.0-only
//! The token pays for the folio that is written: none is left to wait with.

use crate::meta::inode::InodeExt;
use crate::{
    vfs::fs::{aops::WriteTarget, folio::NoFolio},
    Inode, Ocfs2,
};
use kernel::prelude::*;

fn write_begin(inode: &Inode, target: WriteTarget<'_, Ocfs2>, wait: NoFolio) -> Result {
    let folio = target.folio(0, 1, wait).map_err(|(_, e)| e)?;
    #[cfg(not(right))]
    let _held = inode.lock_exclusive(&wait)?; //~ E0382 borrow of moved value: `wait`
    let unlocked = folio.release();
    let _held = inode.lock_exclusive(&unlocked)?;
    Ok(())
}
