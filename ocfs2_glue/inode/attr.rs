// SPDX-License-Identifier: GPL-2.0-only
//! Attributes that user space reads and changes.

use crate::{
    data::{file::File, write},
    lockres::Mode,
    meta::{attributes::disk_time, corrupt::Report as _, inode::InodeExt},
    ondisk::{base::store::Journaled, inode::edit::Edit},
    txn::Reserve as _,
    vfs::fs::{self, dir::Change, file::Operations as _, folio::NoFolio},
    xattr::refuse,
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
            let held = inode.lock_exclusive(&wait)?;
            refuse::change(&held)?;
            drop(held);
            if size < inode.size() {
                // Nothing here gives clusters back yet.
                return Err(EOPNOTSUPP);
            }
            write::check(&inode.lock_exclusive(&wait)?)?;
            wait = write::zero_gap(inode, size, wait)?;
        }
        let held = inode.lock_exclusive(&wait)?;
        refuse::change(&held)?;
        if let Some(mode) = change.mode() {
            refuse::mode(&held, mode)?;
        }
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
}
