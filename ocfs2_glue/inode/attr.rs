// SPDX-License-Identifier: GPL-2.0-only
//! Attributes that user space reads and changes.

use crate::{
    data::{file::File, write},
    lockres::Mode,
    meta::{attributes::disk_time, corrupt::Report as _, inode::InodeExt},
    ondisk::{base::store::Journaled, inode::edit::Edit},
    txn::Reserve as _,
    vfs::fs::{self, dir::Change, file::Operations as _, folio::NoFolio},
    Inode, Ocfs2,
};
use kernel::prelude::*;

/// `->getattr`, `->permission`, `->setattr`.
pub(crate) struct Attr;

impl fs::dir::Attr<Ocfs2> for Attr {
    fn refresh(inode: &Inode, wait: &NoFolio) -> Result {
        File::before_read(inode, true, wait)
    }

    /// Everything but a smaller size.
    fn setattr(inode: &Inode, change: Change<'_>, wait: NoFolio) -> Result {
        let mounted = inode.volume().mounted()?;
        let _rw = match change.size() {
            Some(_) => Some(inode.locks()?.rw()?.acquire(Mode::Ex, &wait)?),
            None => None,
        };
        let mut wait = wait;
        if let Some(size) = change.size() {
            drop(inode.lock_exclusive(&wait)?);
            if size < inode.size() {
                // Nothing here gives clusters back yet.
                return Err(EOPNOTSUPP);
            }
            write::check(&inode.lock_exclusive(&wait)?)?;
            wait = write::zero_gap(inode, size, wait)?;
        }
        let held = inode.lock_exclusive(&wait)?;
        if let Some(size) = change.size() {
            write::fit(&held, &mounted, size, &wait)?;
        }
        let a = change.attributes(inode);
        let size = a.size as u64;
        let mut txn = mounted.reserve(1)?;
        txn.change(|log| {
            let mut meta = inode.meta();
            let (mut store, root) = meta.change(&held, log)?;
            store
                .update(&mut root.block, |b| {
                    let edit = Edit::of(b).mode(a.mode).owner(a.uid, a.gid).size(size);
                    edit.atime(disk_time(a.atime))
                        .mtime(disk_time(a.mtime))
                        .ctime(disk_time(a.ctime));
                })
                .on(inode.sb())?;
            root.reload(&store)?;
            Inode::change_attributes(&held, &a);
            Ok(())
        })?;
        txn.end()
    }

    /// Stores the time of access at once, in a transaction of its own: nothing of an inode is
    /// dirty in memory only.
    ///
    /// Only the holder of the lock at EX may change it, so a reader may take the lock away from
    /// others here, as with the in-tree driver. It does so at most once in `atime_quantum` seconds.
    fn accessed(inode: &Inode, wait: &NoFolio) -> Result {
        // A read that waited for the cluster may have left a ticket that it didn't need. It would
        // be in the way of EX until it expires.
        File::after_read(inode);
        if is_recent(inode) {
            return Ok(());
        }
        let mounted = inode.volume().mounted()?;
        let held = inode.lock_exclusive(wait)?;
        // Another node may have stored it meanwhile.
        if is_recent(inode) {
            return Ok(());
        }
        let time = inode.current_time();
        let mut txn = mounted.reserve(1)?;
        txn.change(|log| {
            let mut meta = inode.meta();
            let (mut store, root) = meta.change(&held, log)?;
            let stored = store.update(&mut root.block, |b| {
                Edit::of(b).atime(disk_time(time));
            });
            stored.on(inode.sb())?;
            root.dinode.atime = disk_time(time);
            Inode::set_atime(&held, time);
            Ok(())
        })?;
        txn.end()
    }
}

/// Whether the time of access is too recent to be changed, or in the future.
fn is_recent(inode: &Inode) -> bool {
    let quantum = i64::from(inode.volume().settings.atime_quantum_s);
    let now = inode.current_time().sec;
    now.saturating_sub(inode.attributes().atime.sec) <= quantum
}
