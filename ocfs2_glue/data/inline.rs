// SPDX-License-Identifier: GPL-2.0-only
//! Files whose content is in the dinode.

use crate::{
    meta::{guards::Held, inode::InodeExt},
    ondisk::inode::dinode::{Body, I_SYMLINK},
    vfs::fs::folio::LockedFolio,
};
use kernel::prelude::*;

/// What the dinode holds.
pub(crate) fn body(held: &Held<'_>) -> Result<Body> {
    let mut meta = held.inode().meta();
    let (_, root) = meta.read(held)?;
    Ok(root.dinode.body)
}

/// Fills a folio if the content is in the dinode, and says whether it is.
pub(crate) fn fill(held: &Held<'_>, folio: &LockedFolio) -> Result<bool> {
    let mut meta = held.inode().meta();
    let (_, root) = meta.read(held)?;
    let d = &root.dinode;
    let inline = match d.body {
        Body::Inline { .. } => d.inline_range(),
        // Up to its NUL; the size was checked against the room by the decoder.
        Body::FastSymlink => I_SYMLINK..I_SYMLINK + d.size as usize,
        _ => return Ok(false),
    };
    let bytes = root.block.bytes().get(inline).unwrap_or(&[]);
    folio.fill(if folio.pos() == 0 { bytes } else { &[] });
    Ok(true)
}
