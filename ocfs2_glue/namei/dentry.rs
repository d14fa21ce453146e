// SPDX-License-Identifier: GPL-2.0-only
//! Cached names.
//!
//! The dcache is kept right without the cluster's dentry locks: an entry, positive or negative,
//! remembers in which directory and under which grant of its lock it was looked up. A node that
//! changes the directory takes that lock away, so the same grant means the same content. Under
//! another one the name is looked up again.

use super::entries::{find, stamp};
use crate::{
    lockres::Mode,
    meta::inode::InodeExt,
    vfs::fs::{
        dentry::{Entry, Operations},
        folio::NoFolio,
    },
    Inode, Ocfs2,
};
use kernel::prelude::*;

/// Operations on a cached name.
pub(crate) struct Dentry;

#[vtable]
impl Operations<Ocfs2> for Dentry {
    /// An entry whose name still leads to the same block stays, whatever else has changed in the
    /// directory: dropping it would unmount what is mounted beneath it. The block tells inodes
    /// apart, since one that is in memory here has its open lock, so no node has freed it.
    fn d_revalidate(dir: &Inode, entry: &Entry<'_>, wait: &NoFolio) -> Result<bool> {
        let lock = &dir.locks()?.meta;
        let known = entry.stamp();
        if lock
            .would_grant(Mode::Pr)
            .is_some_and(|grant| stamp(dir, grant) == known)
        {
            return Ok(true);
        }
        let held = dir.lock_shared(wait)?;
        let now = stamp(dir, lock.generation());
        if known != now {
            if find(&held, entry.name())? != entry.ino() {
                return Ok(false);
            }
            entry.set_stamp(now);
        }
        Ok(true)
    }
}
