// SPDX-License-Identifier: GPL-2.0-only
//! Waiting for the cluster asks for a `NoFolio`. Who has the folio locked has none.

use crate::meta::inode::InodeExt;
use crate::{vfs::fs::folio::LockedFolio, Inode};
use kernel::prelude::*;

fn read_folio(inode: &Inode, folio: LockedFolio) -> Result {
    #[cfg(not(right))]
    let _held = inode.lock_shared(&folio)?; //~ E0308 expected `&NoFolio`, found `&LockedFolio`
    let unlocked = folio.unlock();
    let _held = inode.lock_shared(&unlocked)?;
    Ok(())
}
