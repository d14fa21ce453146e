// SPDX-License-Identifier: GPL-2.0-only
//! New regular files.

use crate::{
    inode::iget::{complete, prepare},
    meta::{
        attributes::disk_time, corrupt::Report as _, guards::Held, inode::InodeExt, metadata::Root,
        store::Store,
    },
    namei::{
        dir_grow::{place, Place},
        entries::{find, stamp},
    },
    ondisk::{
        base::{file_type::FileType, store::Journaled},
        dir::dx_edit::INSERT_BLOCKS,
        inode::{
            edit as dinode_edit,
            edit::{Edit, NewInode},
        },
    },
    space::allocator::Locked,
    txn::Reserve as _,
    vfs::fs::{
        create::{owner_of_new, random_u32},
        dir::Entry,
        folio::NoFolio,
        inode::Attributes,
    },
    Inode, InodeRef,
};
use kernel::prelude::*;

/// `->create`. The directory is locked by the VFS.
///
/// # Errors
///
/// `ENOSPC`; `EROFS`; `EEXIST` if another node was faster, `ENOENT` if the directory was removed;
/// `EUCLEAN` if the block that is free for the inode has one that is in use.
pub(crate) fn file(dir: &Inode, entry: &Entry<'_>, mode: u16, wait: &NoFolio) -> Result<InodeRef> {
    let mounted = dir.volume().mounted()?;
    let geo = dir.volume().geo;
    let name = entry.name();
    let held = dir.lock_exclusive(wait)?;
    if dir.attributes().nlink == 0 {
        return Err(ENOENT);
    }
    // What look-up found under this very grant is still so.
    let known = entry.stamp() == stamp(dir, dir.locks()?.meta.generation());
    if !known && find(&held, name)?.is_some() {
        return Err(EEXIST);
    }
    let place = place(&held, &mounted, name, wait)?;
    let mut inodes = Locked::lock(mounted.inode_alloc(), wait)?;
    let mut bit = inodes.reserve_blocks(1, &mounted, wait)?;
    let generation = random_u32();
    let blkno = bit.peek().ok_or(EIO)?;
    let new = prepare(dir.sb(), blkno, generation, wait)?;
    let mut new_held = Held::of_new(&new, wait)?;
    // Group and dinode of the allocator, the new dinode, the directory's, and the name.
    let txn = mounted.reserve(4 + INSERT_BLOCKS);
    let mut txn = txn.inspect_err(|_| new_held.refreshed(false))?;
    let tid = txn.tid()?;
    let (uid, gid) = owner_of_new(dir);
    let now = dir.current_time();
    let time = disk_time(now);
    let made = txn.change(|log| {
        let claimed = inodes.claim_block(log, &mut bit, mounted.slot())?;
        let mut meta = dir.meta();
        let (mut store, root) = meta.change(&held, log)?;
        let new = NewInode {
            suballoc: claimed,
            generation,
            mode,
            links: 1,
            uid,
            gid,
            // Not handed on by a directory, in the in-tree driver neither.
            attr: 0,
            time,
            rdev: 0,
        };
        store.write_foreign(claimed.blkno, |b| dinode_edit::init(b, &geo, &new))?;
        let place = KBox::into_inner(place);
        insert(&mut store, root, place, name, claimed.blkno)?;
        store
            .update(&mut root.block, |b| {
                Edit::of(b).mtime(time).ctime(time);
            })
            .on(dir.sb())?;
        (root.dinode.mtime, root.dinode.ctime) = (time, time);
        Inode::set_modified(&held, now);
        Ok(())
    });
    new_held.refreshed(made.is_ok());
    drop(new_held);
    made?;
    txn.end()?;
    drop(inodes);
    let attributes = Attributes {
        mode,
        uid,
        gid,
        nlink: 1,
        atime: now,
        mtime: now,
        ctime: now,
        ..Attributes::default()
    };
    let inode = complete(new, &attributes, generation);
    // For an fsync of the file itself, which may follow without a write.
    inode.data().get_ref().changed_in(tid);
    entry.set_stamp(stamp(dir, dir.locks()?.meta.generation()));
    Ok(inode)
}

fn insert(store: &mut Store<'_>, root: &mut Root, place: Place, name: &[u8], inode: u64) -> Result {
    let kind = FileType::Regular;
    match place {
        Place::Inline(area, room) => {
            store
                .update(&mut root.block, |b| area.insert(b, room, name, inode, kind))
                .on(store.sb())?
                .on(store.sb())?;
        }
        Place::Block(mut block, area, room) => {
            store
                .update(&mut block, |b| area.insert(b, room, name, inode, kind))
                .on(store.sb())?
                .on(store.sb())?;
        }
        Place::Indexed(insert) => insert.apply(store, name, inode, kind).on(store.sb())?,
    }
    Ok(())
}
