// SPDX-License-Identifier: GPL-2.0-only
//! Directories: lookup, readdir, and the attributes of whatever is in them.
//!
//! The dcache is kept right without the cluster's dentry locks: an entry, positive or negative,
//! remembers in which directory and under which grant of its lock it was looked up. A node that
//! changes the directory takes that lock away, so the same grant means the same content. Under
//! another one the name is looked for again.

use super::{
    create,
    entries::{find, stamp, Listing},
};
use crate::{
    data::file::sync,
    inode::iget::iget,
    lockres::Mode,
    meta::{
        corrupt::Report as _,
        inode::{Expect, InodeExt},
    },
    ondisk::base::file_type::FileType,
    vfs::fs::{
        dir::{Emitter, Entry, Operations},
        folio::NoFolio,
    },
    Inode, InodeRef, Ocfs2,
};
use kernel::prelude::*;

pub(crate) struct Dir;

impl Operations<Ocfs2> for Dir {
    fn lookup(dir: &Inode, entry: &Entry<'_>, wait: &NoFolio) -> Result<Option<InodeRef>> {
        if entry.name().len() > crate::ondisk::dir::dirent::MAX_NAME_LEN {
            return Err(ENAMETOOLONG);
        }
        let held = dir.lock_shared(wait)?;
        entry.set_stamp(stamp(dir, dir.locks()?.meta.generation()));
        match find(&held, entry.name())? {
            None => Ok(None),
            Some(blkno) => iget(dir.sb(), blkno, Expect::User, wait).map(Some),
        }
    }

    fn create(dir: &Inode, entry: &Entry<'_>, mode: u16, wait: &NoFolio) -> Result<InodeRef> {
        create::file(dir, entry, mode, wait)
    }

    /// An entry whose name still leads to the same block stays, whatever else has changed in the
    /// directory: dropping it would unmount what is mounted beneath it. The block tells inodes
    /// apart, since one that is in memory here has its open lock, so no node has freed it.
    fn revalidate(dir: &Inode, entry: &Entry<'_>, wait: &NoFolio) -> Result<bool> {
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
                // The inode may have lost its last name. Its open lock would keep the node that
                // removed that from freeing it.
                entry.mark_dontcache();
                return Ok(false);
            }
            entry.set_stamp(now);
        }
        Ok(true)
    }

    /// Emits block by block from snapshots, with no lock held: the buffer that is emitted to may
    /// be a mapped file of this very volume.
    fn iterate(dir: &Inode, out: &mut Emitter<'_>, wait: &NoFolio) -> Result {
        let bits = dir.volume().geo.block_bits();
        loop {
            let pos = u64::try_from(out.pos()).map_err(|_| EINVAL)?;
            let listing = {
                let held = dir.lock_shared(wait)?;
                Listing::read(&held, pos >> bits)?
            };
            let Some(listing) = listing else {
                return Ok(());
            };
            let base = pos >> bits << bits;
            for item in listing
                .area
                .entries_from(&listing.bytes, (pos - base) as usize)
            {
                let item = item.on(dir.sb())?;
                if item.is_used() {
                    let kind = item.file_type.map_or(0, dt_type);
                    out.set_pos((base + item.offset as u64) as i64);
                    if !out.emit(item.name, item.inode, kind) {
                        return Ok(());
                    }
                }
                out.set_pos((base + item.next_offset() as u64) as i64);
            }
            let next = base + (1 << bits);
            out.set_pos(next as i64);
        }
    }

    fn fsync(dir: &Inode, _data_only: bool, _wait: &NoFolio) -> Result {
        sync(dir)
    }
}

/// `DT_*` of `srctree/include/linux/fs_dirent.h`.
fn dt_type(kind: FileType) -> u8 {
    match kind {
        FileType::Fifo => 1,
        FileType::CharDevice => 2,
        FileType::Directory => 4,
        FileType::BlockDevice => 6,
        FileType::Regular => 8,
        FileType::Symlink => 10,
        FileType::Socket => 12,
    }
}
