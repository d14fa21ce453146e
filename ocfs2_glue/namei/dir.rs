// SPDX-License-Identifier: GPL-2.0-only
//! Directories: lookup and listing.

use super::{
    create,
    entries::{find, stamp, Listing},
};
use crate::{
    data::{
        file::{before_read, sync},
        map::Map,
    },
    inode::{attr, iget::iget},
    meta::{
        corrupt::Report as _,
        inode::{Expect, InodeExt},
    },
    ondisk::base::file_type::FileType,
    vfs::fs::{
        attr::{Access, Change, Stat},
        dentry::Entry,
        dir::Emitter,
        extents::{Report, Seek},
        file,
        folio::NoFolio,
        inode_operations,
    },
    Inode, InodeRef, Ocfs2,
};
use kernel::prelude::*;

/// Operations on a directory.
pub(crate) struct DirInode;

#[vtable]
impl inode_operations::Operations<Ocfs2> for DirInode {
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

    fn permission(dir: &Inode, access: &Access, wait: &NoFolio) -> Result {
        attr::permission(dir, access, wait)
    }

    fn getattr(dir: &Inode, stat: &mut Stat<'_>, wait: &NoFolio) -> Result {
        attr::getattr(dir, stat, wait)
    }

    fn setattr(dir: &Inode, change: Change<'_>, wait: NoFolio) -> Result {
        attr::setattr(dir, change, wait)
    }

    fn fiemap(report: Report<'_, Ocfs2>) -> Result {
        report.by_extents::<Map>()
    }
}

/// Operations on a directory that is open.
pub(crate) struct DirFile;

#[vtable]
impl file::Operations<Ocfs2> for DirFile {
    fn llseek(dir: &Inode, seek: Seek<'_, Ocfs2>, wait: &NoFolio) -> Result<i64> {
        if seek.depends_on_inode() {
            before_read(dir, true, wait)?;
        }
        seek.generic()
    }

    /// Emits block by block from snapshots, with no lock held: the buffer that is emitted to may
    /// be a mapped file of this very volume.
    fn iterate_shared(dir: &Inode, out: &mut Emitter<'_>, wait: &NoFolio) -> Result {
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
