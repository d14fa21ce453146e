// SPDX-License-Identifier: GPL-2.0-only
//! Metadata that other nodes may be reading isn't changed.

use crate::{
    meta::{
        guards::{ExHeld, Held},
        inode::InodeExt,
    },
    vfs::jbd2::Handle,
};
use kernel::prelude::*;

fn change(shared: &Held<'_>, held: &ExHeld<'_>, handle: &mut Handle) -> Result {
    let mut meta = held.inode().meta();
    meta.change(held, handle)?;
    #[cfg(not(right))]
    meta.change(shared, handle)?; //~ E0308 expected `&ExHeld<'_>`, found `&Held<'_>`
    Ok(())
}
