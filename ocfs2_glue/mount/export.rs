// SPDX-License-Identifier: GPL-2.0-only
//! File handles: from a block number that comes from outside to an inode.
//!
//! A handle can be forged, and NFS clients have theirs for long. So an inode that isn't in memory is
//! looked for under the cluster's lock against deletion (`nfs_sync`), and only where an inode
//! allocator says that there is one; what the block itself says comes last.

use super::system_files;
use crate::{
    cluster::lock::{Held, Lock},
    inode::iget::iget,
    lockres::Mode,
    meta::{
        corrupt::Report as _,
        inode::{Expect, InodeExt},
        snapshot::Snapshot,
    },
    namei::entries::find,
    ondisk::{
        alloc::allocated::is_allocated,
        dlm::lock_name::LockName,
        inode::dinode::{Dinode, SYSTEM_FL},
        volume::system_inodes::SystemInode,
    },
    vfs::fs::{
        export::{Handle, Operations},
        folio::NoFolio,
    },
    Inode, InodeRef, Ocfs2, SuperBlock,
};
use kernel::prelude::*;

/// File handles.
pub(crate) struct Export;

impl Operations<Ocfs2> for Export {
    const SUPPORTED: bool = true;

    fn open(sb: &SuperBlock, handle: Handle, wait: &NoFolio) -> Result<InodeRef> {
        let geo = &crate::volume_of(sb).geo;
        if !geo.is_block(handle.ino) {
            return Err(ESTALE);
        }
        let inode = match sb.cached(handle.ino, wait) {
            Some(inode) => inode,
            None => {
                let _sync = NoDeletion::take(sb, wait)?;
                if !is_inode(sb, handle, wait)? {
                    return Err(ESTALE);
                }
                iget(sb, handle.ino, Expect::User, wait)?
            }
        };
        let is_root = handle.ino == geo.root_blkno;
        let is_users = inode.locks()?.expect == Expect::User || is_root;
        if !is_users || inode.generation() != handle.generation {
            return Err(ESTALE);
        }
        // Without a name it is nobody's to find, though somebody may have it open.
        drop(inode.lock_shared(wait)?);
        if inode.attributes().nlink == 0 {
            return Err(ESTALE);
        }
        Ok(inode)
    }

    fn parent(dir: &Inode, wait: &NoFolio) -> Result<InodeRef> {
        let held = dir.lock_shared(wait)?;
        let blkno = find(&held, b"..")?.ok_or(ENOENT)?;
        drop(held);
        let expect = match blkno == dir.volume().geo.root_blkno {
            true => Expect::System,
            false => Expect::User,
        };
        iget(dir.sb(), blkno, expect, wait)
    }
}

/// Whether an allocator says that the handle's block is a dinode, and the dinode that it is the
/// handle's. Silent: a handle may name anything.
fn is_inode(sb: &SuperBlock, handle: Handle, wait: &NoFolio) -> Result<bool> {
    let geo = &crate::volume_of(sb).geo;
    let block = Snapshot::read_fresh(sb, handle.ino, geo.block_size())?;
    let Ok(dinode) = Dinode::decode(block.bytes(), handle.ino, geo) else {
        return Ok(false);
    };
    let slot = dinode.suballoc.slot;
    if dinode.has_flags(SYSTEM_FL) || dinode.generation != handle.generation || !geo.is_slot(slot) {
        return Ok(false);
    }
    let alloc = system_files::inode(sb, SystemInode::InodeAlloc(slot), wait)?;
    let held = alloc.lock_shared(wait)?;
    let mut meta = alloc.meta();
    let (mut store, root) = meta.read(&held)?;
    is_allocated(&mut store, geo, &root.block, &dinode.suballoc).on(sb)
}

/// Keeps nodes of the cluster from deleting inodes.
struct NoDeletion<'a> {
    lock: Lock,
    held: Option<Held>,
    /// Giving it up waits as well.
    wait: &'a NoFolio,
}

impl<'a> NoDeletion<'a> {
    fn take(sb: &SuperBlock, wait: &'a NoFolio) -> Result<Self> {
        let cluster = crate::volume_of(sb).cluster.as_ref();
        let lock = Lock::plain(cluster, LockName::nfs_sync())?;
        let held = lock.acquire(Mode::Ex, wait);
        if held.is_err() {
            lock.shut_down(wait);
        }
        Ok(Self {
            held: Some(held?),
            lock,
            wait,
        })
    }
}

impl Drop for NoDeletion<'_> {
    fn drop(&mut self) {
        drop(self.held.take());
        self.lock.shut_down(self.wait);
    }
}
