// SPDX-License-Identifier: GPL-2.0-only
//! Attributes that user space reads and changes.

use crate::{
    data::{file::before_read, map::Map, write},
    lockres::Mode,
    meta::{attributes::disk_time, corrupt::Report as _, inode::InodeExt},
    ondisk::{base::store::Journaled, inode::edit::Edit},
    txn::Reserve as _,
    vfs::fs::{
        attr::{Access, Change, Stat},
        extents::Report,
        folio::NoFolio,
        inode_operations::Operations,
    },
    Inode, Ocfs2,
};
use kernel::prelude::*;

/// Operations on regular and special files.
pub(crate) struct FileInode;

#[vtable]
impl Operations<Ocfs2> for FileInode {
    fn permission(inode: &Inode, access: &Access, wait: &NoFolio) -> Result {
        permission(inode, access, wait)
    }

    fn getattr(inode: &Inode, stat: &mut Stat<'_>, wait: &NoFolio) -> Result {
        getattr(inode, stat, wait)
    }

    fn setattr(inode: &Inode, change: Change<'_>, wait: NoFolio) -> Result {
        setattr(inode, change, wait)
    }

    fn fiemap(report: Report<'_, Ocfs2>) -> Result {
        report.by_extents::<Map>()
    }
}

/// Operations on symbolic links.
pub(crate) struct SymlinkInode;

#[vtable]
impl Operations<Ocfs2> for SymlinkInode {
    fn getattr(inode: &Inode, stat: &mut Stat<'_>, wait: &NoFolio) -> Result {
        getattr(inode, stat, wait)
    }

    fn setattr(inode: &Inode, change: Change<'_>, wait: NoFolio) -> Result {
        setattr(inode, change, wait)
    }

    fn fiemap(report: Report<'_, Ocfs2>) -> Result {
        report.by_extents::<Map>()
    }
}

/// `->permission`.
pub(crate) fn permission(inode: &Inode, access: &Access, wait: &NoFolio) -> Result {
    before_read(inode, true, wait)?;
    access.check(inode)
}

/// `->getattr`.
pub(crate) fn getattr(inode: &Inode, stat: &mut Stat<'_>, wait: &NoFolio) -> Result {
    before_read(inode, true, wait)?;
    stat.fill(inode);
    Ok(())
}

/// `->setattr`, for everything but a smaller size.
pub(crate) fn setattr(inode: &Inode, mut change: Change<'_>, wait: NoFolio) -> Result {
    before_read(inode, true, &wait)?;
    change.prepare()?;
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
