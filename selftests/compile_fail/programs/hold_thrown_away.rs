// SPDX-License-Identifier: GPL-2.0-only
//! A hold that nobody keeps protects nothing.

#![deny(unused_must_use)]

use crate::meta::inode::InodeExt;
use crate::{vfs::fs::folio::NoFolio, Inode};
use kernel::prelude::*;

fn statfs(inode: &Inode, wait: &NoFolio) -> Result {
    #[cfg(not(right))]
    inode.lock_shared(wait)?; //~ unused_must_use that must be used
    let _held = inode.lock_shared(wait)?;
    Ok(())
}
