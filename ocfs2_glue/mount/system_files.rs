// SPDX-License-Identifier: GPL-2.0-only
//! System files, by their names in the system directory.

use crate::{
    inode::iget::iget,
    meta::inode::{Expect, InodeExt},
    namei::entries::find,
    ondisk::volume::system_inodes::SystemInode,
    vfs::fs::folio::NoFolio,
    InodeRef, SuperBlock,
};
use kernel::prelude::*;

/// A system file.
pub(super) fn inode(sb: &SuperBlock, which: SystemInode, wait: &NoFolio) -> Result<InodeRef> {
    iget(sb, blkno(sb, which, wait)?, Expect::System, wait)
}

fn blkno(sb: &SuperBlock, which: SystemInode, wait: &NoFolio) -> Result<u64> {
    let dir = self::dir(sb, wait)?;
    let held = dir.lock_shared(wait)?;
    find(&held, which.name().as_bytes())?.ok_or_else(|| missing(which))
}

/// The system directory.
pub(super) fn dir(sb: &SuperBlock, wait: &NoFolio) -> Result<InodeRef> {
    let blkno = crate::volume_of(sb).geo.system_dir_blkno;
    let dir = iget(sb, blkno, Expect::System, wait)?;
    dir.check_directory()?;
    Ok(dir)
}

/// The error for a system file that has no name.
pub(super) fn missing(which: SystemInode) -> Error {
    pr_err!("the system directory has no {}\n", Name(which));
    EUCLEAN
}

struct Name(SystemInode);

impl kernel::fmt::Display for Name {
    fn fmt(&self, f: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        f.write_str(core::str::from_utf8(self.0.name().as_bytes()).unwrap_or("?"))
    }
}
