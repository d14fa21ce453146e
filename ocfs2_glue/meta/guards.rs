// SPDX-License-Identifier: GPL-2.0-only
//! Guards as proof: who may read an inode's metadata, and who may change it.
//!
//! | type | says | comes from |
//! | --- | --- | --- |
//! | [`Held`] | the inode lock is held at PR or EX, or a folio keeps it from being given up | [`InodeExt::lock_shared`], [`InodeExt::try_shared`], [`Held::by_folio`] |
//! | [`ExHeld`] | it is held at EX; it is a [`Held`] as well | [`InodeExt::lock_exclusive`], [`InodeExt::resume`] |
//! | [`Refreshing`] | it was just granted, and nobody uses the inode before the attributes are up to date | acquiring the lock, in this file alone |
//!
//! A guard borrows its inode, so it can't outlive it, and what it is a proof for needs no second
//! parameter that says which inode is meant.

use super::{attributes, inode::InodeExt, slot_owners};
use crate::{
    cluster::lock::{self, Ticket},
    lockres::Mode,
    vfs::fs::{
        address_space::FolioOf,
        folio::NoFolio,
        inode::{NewInode, OfInode},
    },
    Inode, Ocfs2, SuperBlock,
};
use core::ops::Deref;
use kernel::prelude::*;

/// The inode lock, held by this task at PR or EX. Given back when dropped.
#[must_use = "the lock is given back when this is dropped"]
pub(crate) struct Held<'a> {
    inode: &'a Inode,
    /// `None` where something else keeps the lock from being given up.
    lock: Option<lock::Held>,
}

/// The inode lock, held by this task at EX. Given back when dropped.
#[must_use = "the lock is given back when this is dropped"]
pub(crate) struct ExHeld<'a>(Held<'a>);

/// The inode lock, held since just now; the holder brings the attributes up to date.
pub(crate) struct Refreshing<'a>(Held<'a>);

impl<'a> Held<'a> {
    /// The inode.
    pub(crate) fn inode(&self) -> &'a Inode {
        self.inode
    }

    /// Its superblock.
    pub(crate) fn sb(&self) -> &'a SuperBlock {
        self.inode.sb()
    }

    /// For mapping blocks, where C code passes no guard on: a downconvert drops that folio first.
    pub(crate) fn by_folio(folio: &FolioOf<'a, Ocfs2>) -> Self {
        Self {
            inode: folio.inode(),
            lock: None,
        }
    }

    /// For an inode that is coming into memory: acquires the lock, but leaves the refresh, which
    /// such a grant always wants, to the caller; see [`Held::refreshed`].
    pub(crate) fn of_new(new: &'a NewInode<Ocfs2>, wait: &NoFolio) -> Result<Self> {
        let inode = new.inode();
        let lock = inode.locks()?.meta.acquire(Mode::Pr, wait)?;
        Ok(Self {
            inode,
            lock: Some(lock),
        })
    }

    /// Says whether the dinode could be read.
    pub(crate) fn refreshed(&mut self, ok: bool) {
        if let Some(lock) = &mut self.lock {
            lock.refreshed(ok);
        }
    }

    fn acquire(inode: &'a Inode, mode: Mode, wait: &NoFolio) -> Result<Self> {
        let mut lock = inode.locks()?.meta.acquire(mode, wait)?;
        bring_up_to_date(inode, &mut lock)?;
        Ok(Self {
            inode,
            lock: Some(lock),
        })
    }

    /// Acquires the lock, waiting as long as it takes; see [`InodeExt::lock_shared`].
    pub(super) fn shared(inode: &'a Inode, wait: &NoFolio) -> Result<Self> {
        Self::acquire(inode, Mode::Pr, wait)
    }

    /// Acquires the lock if that needs no waiting; see [`InodeExt::try_shared`].
    pub(super) fn try_shared(inode: &'a Inode) -> Option<Self> {
        let lock = inode.locks().ok()?.meta.try_acquire(Mode::Pr)?;
        Some(Self {
            inode,
            lock: Some(lock),
        })
    }
}

impl<'a> ExHeld<'a> {
    /// Acquires the lock, waiting as long as it takes; see [`InodeExt::lock_exclusive`].
    pub(super) fn exclusive(inode: &'a Inode, wait: &NoFolio) -> Result<Self> {
        Held::acquire(inode, Mode::Ex, wait).map(Self)
    }

    /// Goes on with a hold that [`ExHeld::keep`] gave.
    pub(super) fn resume(inode: &'a Inode, kept: lock::Held) -> Result<Self> {
        if !inode.locks()?.meta.is_held_by(&kept) {
            return Err(EINVAL);
        }
        Ok(Self(Held {
            inode,
            lock: Some(kept),
        }))
    }

    /// The hold without its borrow of the inode, for what C code keeps between two calls; see
    /// [`InodeExt::resume`].
    pub(crate) fn keep(self) -> Result<lock::Held> {
        self.0.lock.ok_or(EIO)
    }
}

impl<'a> Deref for ExHeld<'a> {
    type Target = Held<'a>;

    fn deref(&self) -> &Held<'a> {
        &self.0
    }
}

impl<'a> Deref for Refreshing<'a> {
    type Target = Held<'a>;

    fn deref(&self) -> &Held<'a> {
        &self.0
    }
}

impl OfInode<Ocfs2> for ExHeld<'_> {
    fn inode(&self) -> &Inode {
        self.0.inode
    }
}

impl OfInode<Ocfs2> for Refreshing<'_> {
    fn inode(&self) -> &Inode {
        self.0.inode
    }
}

/// For a task that was just granted the inode lock: makes sure that the cluster is whole, and
/// brings the attributes up to date if the grant is new.
fn bring_up_to_date(inode: &Inode, lock: &mut lock::Held) -> Result {
    if let Some(cluster) = &inode.volume().cluster {
        cluster.check_nodes(|is_down| slot_owners::any_has_slot(inode.sb(), is_down))?;
    }
    if lock.must_refresh() {
        let refreshing = Refreshing(Held { inode, lock: None });
        let done = attributes::refresh(&refreshing, lock.value_block());
        lock.refreshed(done.is_ok());
        done?;
        if inode.attributes().nlink == 0 {
            // Another node has removed its last name. It can be freed when nobody has it open.
            inode.mark_dontcache();
            if let Some(unused) = &inode.volume().unused {
                unused.note(inode);
            }
        }
    }
    Ok(())
}

/// Acquires the inode lock by waiting, brings the inode up to date, and leaves a ticket; see
/// [`InodeExt::ticket`].
pub(super) fn ticket(inode: &Inode, mode: Mode, unlocked: &NoFolio) -> Result<Ticket> {
    let lock = &inode.locks()?.meta;
    lock.ticket(mode, unlocked, |lock| bring_up_to_date(inode, lock))
}
