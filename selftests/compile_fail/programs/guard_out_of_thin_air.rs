// SPDX-License-Identifier: GPL-2.0-only
//! To have an inode to oneself is nothing that a task can say of itself.

use crate::{
    meta::{guards::ExHeld, guards::Held, inode::InodeExt},
    vfs::fs::folio::NoFolio,
    Inode,
};
use kernel::prelude::*;

fn take<'a>(inode: &'a Inode, held: Held<'a>, wait: &NoFolio) -> Result<ExHeld<'a>> {
    #[cfg(not(right))]
    return Ok(ExHeld(held)); //~ E0423 cannot initialize a tuple struct which contains private fields
    drop(held);
    inode.lock_exclusive(wait)
}
