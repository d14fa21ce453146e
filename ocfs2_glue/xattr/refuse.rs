// SPDX-License-Identifier: GPL-2.0-only
//! Changes that would leave an attribute behind that no longer fits the inode.
//!
//! All are refused with `EOPNOTSUPP` and a line in the log: it isn't that this user may not, it is
//! that this driver can't yet. A write to a file with capabilities comes by the VFS, which removes
//! them first; see [`super::attributes`].

use super::search::{each, find, Found, Seen};
use crate::{
    meta::{corrupt::may_print, guards::Held, inode::InodeExt},
    ondisk::xattr::entries::Prefix,
    vfs::fs::super_block::Device,
    Inode,
};
use core::ops::ControlFlow;
use kernel::prelude::*;

/// Says what can't be done with `inode`, at most as often as other lines about a volume.
pub(super) fn warn(inode: &Inode, what: &str) {
    if may_print() {
        pr_warn!("{}: inode {}: {what}\n", inode.sb().id(), inode.ino());
    }
}

/// Checks that nothing unknown hangs on what an inode is: content, owner, mode.
///
/// # Errors
///
/// `EOPNOTSUPP` for an inode whose attributes can't all be read; errors of reading.
pub(crate) fn change(held: &Held<'_>) -> Result {
    match each(held, |_| Ok(ControlFlow::Continue(())))? {
        Seen::All => Ok(()),
        Seen::Some => {
            warn(
                held.inode(),
                "has attributes that can't be read: not changed",
            );
            Err(EOPNOTSUPP)
        }
    }
}

/// Checks a change of mode: an ACL repeats the permissions. Errors as for [`change`], also with an ACL.
pub(crate) fn mode(held: &Held<'_>, mode: u16) -> Result {
    const PERMISSIONS: u16 = 0o777;
    if (held.inode().mode() ^ mode) & PERMISSIONS == 0 {
        return Ok(());
    }
    match find(held, Prefix::AclAccess, b"")? {
        Found::None => Ok(()),
        Found::Value(_) | Found::Unreadable => {
            warn(held.inode(), "has an ACL: its mode isn't changed");
            Err(EOPNOTSUPP)
        }
    }
}

/// Checks that what is made in directory `dir` inherits nothing. Errors as for [`change`], also
/// with a default ACL.
pub(crate) fn create(dir: &Held<'_>) -> Result {
    // Without ACLs there is no inheriting.
    if !dir.inode().volume().settings.acl {
        return Ok(());
    }
    match find(dir, Prefix::AclDefault, b"")? {
        Found::None => Ok(()),
        Found::Value(_) | Found::Unreadable => {
            warn(dir.inode(), "has a default ACL: nothing is created in it");
            Err(EOPNOTSUPP)
        }
    }
}
