// SPDX-License-Identifier: GPL-2.0-only
//! Files whose content is in the dinode.

use crate::{
    meta::inode::InodeExt,
    ondisk::inode::dinode::{Body, I_SYMLINK},
    vfs::fs::folio::LockedFolio,
    Inode,
};
use kernel::prelude::*;

/// Fills a folio if the content is in the dinode, and says whether it is. The cluster lock is held.
pub(crate) fn fill(inode: &Inode, folio: &LockedFolio) -> Result<bool> {
    let mut meta = inode.meta();
    let (_, root) = meta.read(inode)?;
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
