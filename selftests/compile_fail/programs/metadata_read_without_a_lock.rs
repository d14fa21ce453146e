// SPDX-License-Identifier: GPL-2.0-only
//! Metadata that another node may be changing isn't read.

use crate::{
    meta::{guards::ExHeld, inode::InodeExt},
    Inode,
};
use kernel::prelude::*;

fn look(inode: &Inode, held: &ExHeld<'_>) -> Result {
    let mut meta = inode.meta();
    // Whoever may change it may read it.
    meta.read(held)?;
    #[cfg(not(right))]
    meta.read(inode)?; //~ E0308 expected `&Held<'_>`, found `&Inode<Ocfs2>`
    Ok(())
}
