// SPDX-License-Identifier: GPL-2.0-only
//! An operation that was only lent a token can wait with it, but not lock a folio.

use crate::meta::inode::InodeExt;
use crate::{
    vfs::fs::{aops::WriteTarget, folio::NoFolio},
    Inode,
};
use kernel::prelude::*;

fn read_iter(inode: &Inode, wait: &NoFolio) -> Result {
    let _held = inode.lock_shared(wait)?;
    #[cfg(not(right))]
    let _folio = WriteTarget::internal(inode).folio(0, 1, *wait).map_err(|(_, e)| e)?; //~ E0507 cannot move out of `*wait` which is behind a shared reference
    Ok(())
}
