// SPDX-License-Identifier: GPL-2.0-only
//! Inodes: their cluster locks, and what is kept of them in memory.
//!
//! # Locks of one inode, in the order in which they are taken
//!
//! 1. `i_rwsem` (the VFS; writers and creators)
//! 2. the rw lock `W` of the cluster (writers)
//! 3. the inode lock `M` of the cluster
//! 4. the allocators' locks (see `space/allocator.rs`), the journal handle
//! 5. a folio
//! 6. [`Meta`], the metadata mutex: innermost. Under it only the disk is waited for, so it may be
//!    taken with a folio locked. In an allocator's inode it is part of 4.

use super::{
    attributes,
    corrupt::Report as _,
    flush, guards,
    guards::{ExHeld, Held},
    metadata::Meta,
};
use crate::{
    cluster::lock::{self, Contents, Lock, Ticket},
    lockres::{Flushed, Level, Mode},
    ondisk::{
        base::{error::Corrupt, file_type::FileType},
        dlm::lvb,
    },
    vfs::{
        fs::{folio::NoFolio, inode::Backref},
        jbd2::JbdInode,
    },
    volume::Volume,
    Inode, Ocfs2,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        lock::{mutex::MutexBackend, Guard},
        Mutex, SetOnce,
    },
};

/// Our part of an inode.
#[pin_data]
pub(crate) struct InodeData {
    pub(crate) locks: SetOnce<Locks>,
    /// The open lock, for as long as the inode is in memory.
    #[pin]
    pub(crate) opened: Mutex<Option<lock::Held>>,
    #[pin]
    pub(crate) meta: Mutex<Meta>,
    /// What takes the place of `meta` in the inode of an allocator.
    outer_meta: SetOnce<Pin<KBox<Mutex<Meta>>>>,
    /// The jbd2 side of ordered data.
    #[pin]
    pub(crate) jbd: JbdInode,
    /// The last transaction that changed this inode's metadata.
    last_tid: Atomic<u64>,
}

/// The cluster locks of one inode.
pub(crate) struct Locks {
    /// As what the inode came into memory, and so how its locks are named.
    pub(crate) expect: Expect,
    /// `M`: metadata and data.
    pub(crate) meta: Lock,
    /// `O`: says that this node has the inode in memory. Not for system files.
    pub(crate) open: Lock,
    /// `W`: keeps writers of other nodes away for a whole write. Not for system files. Known once
    /// the dinode was read.
    pub(crate) rw: SetOnce<Lock>,
}

impl Locks {
    /// The rw lock.
    pub(crate) fn rw(&self) -> Result<&Lock> {
        self.rw.as_ref().ok_or(EIO)
    }
}

impl InodeData {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            locks: SetOnce::new(),
            opened <- new_mutex!(None, "ocfs2_glue_opened"),
            meta <- new_mutex!(Meta::new(), "ocfs2_glue_meta"),
            outer_meta: SetOnce::new(),
            jbd <- JbdInode::new(),
            last_tid: Atomic::new(0),
        })
    }

    /// Remembers that transaction `tid` changed this inode.
    pub(crate) fn changed_in(&self, tid: u32) {
        self.last_tid.store(u64::from(tid) | CHANGED, Relaxed);
    }

    /// The last transaction that changed this inode since it came into memory.
    pub(crate) fn last_change(&self) -> Option<u32> {
        let last = self.last_tid.load(Relaxed);
        (last & CHANGED != 0).then_some(last as u32)
    }
}

/// Tells transaction 0 from none.
const CHANGED: u64 = 1 << 32;

/// What kind of inode the caller expects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// One that a directory entry or the superblock names.
    User,
    /// A system file, the system directory or the root directory.
    System,
}

/// What this file system does with its inodes.
pub(crate) trait InodeExt {
    /// The volume.
    fn volume(&self) -> &Volume;

    /// The cluster locks. Every inode that [`crate::inode::iget`] has completed has them.
    fn locks(&self) -> Result<&Locks>;

    /// Takes the inode lock to read, waiting as long as it takes, and brings the attributes up to
    /// date.
    ///
    /// # Errors
    ///
    /// `EINTR` for a task that was killed, `EIO` after a node died that had a slot, errors
    /// of reading.
    fn lock_shared(&self, wait: &NoFolio) -> Result<Held<'_>>;

    /// Takes the inode lock to change the inode. As [`InodeExt::lock_shared`] otherwise.
    fn lock_exclusive(&self, wait: &NoFolio) -> Result<ExHeld<'_>>;

    /// Takes the inode lock to read if that needs no waiting. For callers with a folio locked.
    fn try_shared(&self) -> Option<Held<'_>>;

    /// Goes on with a hold of this inode's lock at EX that [`ExHeld::keep`] gave.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is one of another lock.
    fn resume(&self, kept: lock::Held) -> Result<ExHeld<'_>>;

    /// Acquires the inode lock by waiting, brings the inode up to date, and leaves a ticket: the
    /// next try to acquire it gets it even if another node asks meanwhile.
    fn ticket(&self, mode: Mode, unlocked: &NoFolio) -> Result<Ticket>;

    /// The metadata mutex. Innermost (see the top of this file), but for the inodes of allocators.
    fn meta(&self) -> Guard<'_, Meta, MutexBackend>;

    /// Makes `meta` the metadata mutex of this inode, an allocator's: it is held from before a
    /// transaction to its end, so it comes before the journal handle and all inner ones, and
    /// wants a lock class of its own.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it has one already; `ENOMEM`.
    fn hold_while_changing(&self, meta: impl PinInit<Mutex<Meta>>) -> Result;

    /// Forgets what is known of the metadata, which was changed behind its back.
    fn forget(&self);

    /// Checks that this is a directory, where the format says that there must be one.
    fn check_directory(&self) -> Result;
}

impl InodeExt for Inode {
    fn volume(&self) -> &Volume {
        crate::volume_of(self.sb())
    }

    fn locks(&self) -> Result<&Locks> {
        self.data().get_ref().locks.as_ref().ok_or(EIO)
    }

    fn lock_shared(&self, wait: &NoFolio) -> Result<Held<'_>> {
        Held::shared(self, wait)
    }

    fn lock_exclusive(&self, wait: &NoFolio) -> Result<ExHeld<'_>> {
        ExHeld::exclusive(self, wait)
    }

    fn try_shared(&self) -> Option<Held<'_>> {
        Held::try_shared(self)
    }

    fn resume(&self, kept: lock::Held) -> Result<ExHeld<'_>> {
        ExHeld::resume(self, kept)
    }

    fn ticket(&self, mode: Mode, unlocked: &NoFolio) -> Result<Ticket> {
        guards::ticket(self, mode, unlocked)
    }

    fn meta(&self) -> Guard<'_, Meta, MutexBackend> {
        let data = self.data().get_ref();
        match data.outer_meta.as_ref() {
            Some(outer) => outer.lock(),
            None => data.meta.lock(),
        }
    }

    fn hold_while_changing(&self, meta: impl PinInit<Mutex<Meta>>) -> Result {
        let meta = KBox::pin_init(meta, GFP_KERNEL)?;
        match self.data().get_ref().outer_meta.populate(meta) {
            true => Ok(()),
            false => Err(EBUSY),
        }
    }

    fn forget(&self) {
        *self.meta() = Meta::new();
    }

    fn check_directory(&self) -> Result {
        match FileType::from_mode(self.mode()) {
            Some(FileType::Directory) => Ok(()),
            _ => Err(Corrupt::new(self.ino(), "ocfs2_dinode.i_mode")).on(self.sb()),
        }
    }
}

/// What the inode lock protects, for the downconvert worker: the inode as long as it isn't evicted.
impl Contents for Backref<Ocfs2> {
    fn flush(&self, from: Level, to: Level) -> Option<Flushed> {
        self.with(|inode| flush::inode(inode, from, to))
    }

    fn value_block(&self) -> Option<[u8; lvb::SIZE]> {
        self.with(attributes::lock_value)?
    }
}

crate::vfs::pinned::pinned_field! {
    /// The jbd2 side of the inode.
    fn jbd(InodeData) -> JbdInode { jbd }
}
