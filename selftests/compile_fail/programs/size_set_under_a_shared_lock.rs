// SPDX-License-Identifier: GPL-2.0-only
//! A node that may only read an inode doesn't change its size.

use crate::{meta::inode::InodeExt, vfs::fs::folio::NoFolio, Inode};
use kernel::prelude::*;

fn grow(inode: &Inode, size: i64, wait: &NoFolio) -> Result {
    let held = inode.lock_exclusive(wait)?;
    #[cfg(not(right))]
    let held = inode.lock_shared(wait)?;
    Inode::set_size(&held, size); //~ E0308 expected `&ExHeld<'_>`, found `&Held<'_>`
    Ok(())
}
