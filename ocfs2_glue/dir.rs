// SPDX-License-Identifier: GPL-2.0-only
//! Directories: lookup, readdir, and the attributes of whatever is in them.
//!
//! The dcache is kept right without the cluster's dentry locks: an entry, positive or negative,
//! remembers in which directory and under which grant of its lock it was looked up. A node that
//! changes the directory takes that lock away, so the same grant means the same content. Under
//! another one the name is looked for again.

use crate::{
    create,
    file::{sync, File},
    inode::{iget, Expect, Root},
    lockres::Mode,
    ondisk::{
        dinode::{Body, INDEXED_DIR_FL},
        dinode_edit::Edit,
        dir_block::Area,
        dirent::Entry as DirEntry,
        dx,
        error::Corrupt,
        file_type::FileType,
        geometry::Geometry,
        store::{Blocks, Journaled},
        tree::{Mapped, Tree},
    },
    store::{Block, Store},
    vfs::{
        dir::{Attr, Change, Emitter, Entry, Operations},
        file::Operations as _,
        folio::NoFolio,
    },
    write, Inode, InodeRef, Ocfs2,
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*};

pub(crate) struct Dir;

impl Operations<Ocfs2> for Dir {
    fn lookup(dir: &Inode, entry: &Entry<'_>, wait: &NoFolio) -> Result<Option<InodeRef>> {
        if entry.name().len() > crate::ondisk::dirent::MAX_NAME_LEN {
            return Err(ENAMETOOLONG);
        }
        let _held = dir.lock_cluster(Mode::Pr, wait)?;
        entry.set_stamp(stamp(dir, dir.locks()?.meta.generation()));
        match find(dir, entry.name())? {
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
        let _held = dir.lock_cluster(Mode::Pr, wait)?;
        let now = stamp(dir, lock.generation());
        if known != now {
            if find(dir, entry.name())? != entry.ino() {
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
                let _held = dir.lock_cluster(Mode::Pr, wait)?;
                Listing::read(dir, pos >> bits)?
            };
            let Some(listing) = listing else {
                return Ok(());
            };
            let base = pos >> bits << bits;
            for item in listing
                .area
                .entries_from(&listing.bytes, (pos - base) as usize)
            {
                let item = item?;
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

/// What an entry remembers: the directory, for one that was just moved still has the grant of the
/// one that it came from, and the grant.
pub(crate) fn stamp(dir: &Inode, grant: u64) -> u64 {
    dir.ino().rotate_left(32) ^ grant
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

/// One block of a directory, or all of an inline one, as it was under the lock.
struct Listing {
    bytes: KVec<u8>,
    area: Area,
}

impl Listing {
    fn read(dir: &Inode, index: u64) -> Result<Option<Self>> {
        let geo = &dir.volume().geo;
        let mut meta = dir.meta();
        let (mut store, root) = meta.read(dir)?;
        let (block, area) = match root.dinode.body {
            Body::Inline { .. } if index == 0 => (None, Area::inline(&root.dinode, geo)),
            Body::Inline { .. } => return Ok(None),
            _ => {
                if index >= root.dinode.size >> geo.block_bits() {
                    return Ok(None);
                }
                let block = read_block(&mut store, root, geo, index)?;
                let area = Area::block(block.bytes(), block.blkno(), &root.dinode, geo)?;
                (Some(block), area)
            }
        };
        let from = block.as_ref().unwrap_or(&root.block).bytes();
        let mut bytes = KVec::with_capacity(from.len(), GFP_NOFS)?;
        bytes.extend_from_slice(from, GFP_NOFS)?;
        Ok(Some(Self { bytes, area }))
    }
}

/// Block `index` of a directory.
pub(crate) fn read_block(
    store: &mut Store<'_>,
    root: &Root,
    geo: &Geometry,
    index: u64,
) -> Result<Block> {
    let blkno = block_place(store, root, geo, index)?;
    store.read(blkno)
}

/// Where block `index` of a directory is. Directories have no holes.
pub(crate) fn block_place(
    store: &mut Store<'_>,
    root: &Root,
    geo: &Geometry,
    index: u64,
) -> Result<u64> {
    let per_cluster = geo.blocks_per_cluster_bits();
    let bad = Corrupt::new(root.block.blkno(), "directory: ocfs2_extent_list");
    let cpos = u32::try_from(index >> per_cluster).map_err(|_| bad)?;
    match Tree::of_dinodes(geo).lookup(store, &root.block, cpos)?.what {
        Mapped::Extent { blkno, flags: 0 } => Ok(blkno + (index & ((1 << per_cluster) - 1))),
        _ => Err(bad.into()),
    }
}

/// The inode that `name` leads to.
pub(crate) fn find(dir: &Inode, name: &[u8]) -> Result<Option<u64>> {
    let mut meta = dir.meta();
    let (mut store, root) = meta.read(dir)?;
    find_in(&mut store, root, &dir.volume().geo, name)
}

/// The same, in a directory that is open already.
pub(crate) fn find_in(
    store: &mut Store<'_>,
    root: &Root,
    geo: &Geometry,
    name: &[u8],
) -> Result<Option<u64>> {
    let d = &root.dinode;
    if let Body::Inline { .. } = d.body {
        let found = Area::inline(d, geo).find(root.block.bytes(), name)?;
        return Ok(found.map(|entry| entry.inode));
    }
    if d.dyn_features & INDEXED_DIR_FL != 0 {
        return Ok(dx::lookup(store, d, geo, name)?.map(|hit| hit.inode));
    }
    for index in 0..d.size >> geo.block_bits() {
        let block = read_block(store, root, geo, index)?;
        let area = Area::block(block.bytes(), block.blkno(), d, geo)?;
        if let Some(entry) = area.find(block.bytes(), name)? {
            return Ok(Some(entry.inode));
        }
    }
    Ok(None)
}

/// Hands every entry in use to `see`, without the index. The cluster lock is held.
pub(crate) fn for_each(dir: &Inode, mut see: impl FnMut(&DirEntry<'_>)) -> Result {
    let mut index = 0;
    while let Some(listing) = Listing::read(dir, index)? {
        for entry in listing.area.entries(&listing.bytes) {
            let entry = entry?;
            if entry.is_used() {
                see(&entry);
            }
        }
        index += 1;
    }
    Ok(())
}

impl Attr<Ocfs2> for Dir {
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
            drop(inode.lock_cluster(Mode::Ex, &wait)?);
            if size < inode.size() {
                // Nothing here gives clusters back yet.
                return Err(EOPNOTSUPP);
            }
            write::check(inode)?;
            wait = write::zero_gap(inode, size, wait)?;
        }
        let _held = inode.lock_cluster(Mode::Ex, &wait)?;
        if let Some(size) = change.size() {
            write::fit(inode, &mounted, size, &wait)?;
        }
        let mut handle = mounted.journal().start(1)?;
        change.apply();
        let a = inode.attributes();
        let size = change.size().unwrap_or(a.size) as u64;
        {
            let mut meta = inode.meta();
            let (mut store, root) = meta.change(inode, &mut handle)?;
            store.update(&mut root.block, |b| {
                let edit = Edit::of(b).mode(a.mode).owner(a.uid, a.gid).size(size);
                edit.atime(crate::inode::disk_time(a.atime))
                    .mtime(crate::inode::disk_time(a.mtime))
                    .ctime(crate::inode::disk_time(a.ctime));
            })?;
            root.reload(&inode.volume().geo)?;
            inode.set_size(size as i64);
        }
        handle.stop()
    }
}
