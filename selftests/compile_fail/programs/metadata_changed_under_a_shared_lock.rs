// SPDX-License-Identifier: GPL-2.0-only
//! Metadata that other nodes may be reading isn't changed.

use crate::{
    meta::{
        guards::{ExHeld, Held},
        inode::InodeExt,
        log::Log,
    },
};
use kernel::prelude::*;

fn change(shared: &Held<'_>, held: &ExHeld<'_>, log: &mut Log) -> Result {
    let mut meta = held.inode().meta();
    meta.change(held, log)?;
    #[cfg(not(right))]
    meta.change(shared, log)?; //~ E0308 expected `&ExHeld<'_>`, found `&Held<'_>`
    Ok(())
}
