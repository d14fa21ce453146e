// SPDX-License-Identifier: GPL-2.0-only
//! Operations on regular files.

use crate::{
    data::write,
    lockres::Mode,
    meta::inode::InodeExt,
    vfs::fs::{
        file::{Io, Operations},
        folio::NoFolio,
    },
    xattr::refuse,
    Inode, Ocfs2,
};
use kernel::prelude::*;

pub(crate) struct File;

impl Operations<Ocfs2> for File {
    fn read_iter(inode: &Inode, mut io: Io<'_, Ocfs2>, wait: &NoFolio) -> Result<usize> {
        Self::before_read(inode, !io.nowait(), wait)?;
        let done = io.read();
        Self::after_read(inode);
        done
    }

    /// Writers of other nodes are kept away for the whole write by the rw lock, so an append is
    /// whole, and goes where the file ends for all nodes.
    fn write_iter(inode: &Inode, mut io: Io<'_, Ocfs2>, wait: NoFolio) -> Result<usize> {
        if io.nowait() {
            return Err(EAGAIN);
        }
        let done = {
            let _inode_lock = inode.lock_killable()?;
            let _rw = inode.locks()?.rw()?.acquire(Mode::Ex, &wait)?;
            // Brings the mode up to date. Not held, as the change of mode takes the lock itself.
            drop(inode.lock_exclusive(&wait)?);
            io.remove_privs()?;
            {
                // Brings the size up to date, which only this node can change from here on.
                let held = inode.lock_exclusive(&wait)?;
                if io.write_checks()? == 0 {
                    return Ok(0);
                }
                write::check(&held)?;
                refuse::change(&held)?;
                drop(held);
            }
            write::zero_gap(inode, io.pos(), wait)?;
            io.write()?
        };
        match io.sync_wanted() {
            Some(data_only) if done > 0 => io.sync(done, data_only).map(|()| done),
            _ => Ok(done),
        }
    }

    /// Takes the lock before the page cache is entered, so that attributes and size are those of
    /// now, and `->read_folio` finds it held in all but the contended case.
    fn before_read(inode: &Inode, may_wait: bool, wait: &NoFolio) -> Result {
        if inode.locks()?.meta.would_grant(Mode::Pr).is_some() {
            return Ok(());
        }
        if !may_wait {
            return Err(EAGAIN);
        }
        inode.lock_shared(wait).map(drop)
    }

    /// A write leaves no ticket: `->write_begin` has no folio when it waits.
    fn after_read(inode: &Inode) {
        if let Ok(locks) = inode.locks() {
            locks.meta.hand_in();
        }
    }

    fn fsync(inode: &Inode, _data_only: bool, _wait: &NoFolio) -> Result {
        sync(inode)
    }
}

/// Commits what changed the inode, and has the device keep it.
pub(crate) fn sync(inode: &Inode) -> Result {
    let volume = inode.volume();
    match (inode.data().get_ref().last_change(), volume.journal()) {
        (Some(tid), Ok(journal)) => journal.complete(tid)?,
        _ => {}
    }
    // Overwritten blocks are in no transaction, so the commit may not have flushed after them.
    inode.sb().flush_device()
}
