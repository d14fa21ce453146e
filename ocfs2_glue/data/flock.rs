// SPDX-License-Identifier: GPL-2.0-only
//! flock(2) for all nodes.
//!
//! Each open file that is locked has a lock resource of its own, all of an inode under one name, as
//! the in-tree driver has it: so the DLM keeps open files apart that are on one node as well. The lock
//! is given back to the DLM at once, and isn't cached.
//!
//! fcntl(2) locks stay each node's own on o2cb, which has none to offer.

use crate::{
    cluster::lock::{Held, Lock},
    lockres::Mode,
    meta::inode::InodeExt,
    ondisk::dlm::lock_name::LockName,
    vfs::fs::{
        flock::{Kind, Operations},
        folio::NoFolio,
    },
    Inode, Ocfs2,
};
use kernel::prelude::*;

/// Locks of open files.
pub(crate) struct Flock;

/// The lock of one open file.
pub(crate) struct FileLock {
    lock: Lock,
    held: Held,
}

impl Operations<Ocfs2> for Flock {
    type Held = FileLock;

    fn is_shared(inode: &Inode) -> bool {
        let volume = inode.volume();
        volume.cluster.is_some() && !volume.settings.local_flocks
    }

    fn lock(inode: &Inode, kind: Kind, may_wait: bool, wait: &NoFolio) -> Result<FileLock> {
        let name = LockName::flock(inode.ino(), inode.generation());
        let lock = Lock::plain(inode.volume().cluster.as_ref(), name)?;
        let mode = match kind {
            Kind::Shared => Mode::Pr,
            Kind::Exclusive => Mode::Ex,
        };
        let held = match may_wait {
            true => lock.acquire_interruptible(mode, wait),
            false => lock.acquire_now(mode, wait),
        };
        match held {
            Ok(held) => Ok(FileLock { lock, held }),
            Err(e) => {
                lock.shut_down(wait);
                Err(e)
            }
        }
    }

    fn unlock(locked: FileLock, wait: &NoFolio) {
        drop(locked.held);
        locked.lock.shut_down(wait);
    }
}
