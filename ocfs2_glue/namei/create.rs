// SPDX-License-Identifier: GPL-2.0-only
//! New regular files.

use crate::{
    inode::iget::iget,
    meta::{
        attributes,
        attributes::disk_time,
        corrupt::Report as _,
        inode::{Expect, InodeExt},
        metadata::Root,
        store::Store,
    },
    namei::{
        dir_grow::{place, Place},
        entries::{find, stamp},
    },
    ondisk::{
        base::{error::Corrupt, file_type::FileType, store::Journaled},
        dir::dx_edit::INSERT_BLOCKS,
        inode::{
            edit as dinode_edit,
            edit::{Edit, NewInode},
        },
    },
    space::allocator::Locked,
    txn::Reserve as _,
    vfs::fs::{
        create::{owner_of_new, random_u32, umask},
        dir::Entry,
        folio::NoFolio,
    },
    xattr::refuse,
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
    refuse::create(&held)?;
    // With ACLs on the VFS leaves this to us.
    let mode = mode & !umask();
    let place = place(&held, &mounted, name, wait)?;
    let mut inodes = Locked::lock(mounted.inode_alloc(), wait)?;
    let mut bit = inodes.reserve_blocks(1, &mounted, wait)?;
    // A bitmap that calls the block of a live inode free; all of it may be as wrong.
    if let Some(blkno) = bit.peek().filter(|blkno| dir.sb().has_inode(*blkno, wait)) {
        return Err(Corrupt::new(blkno, "ocfs2_group_desc.bg_bitmap")).on(dir.sb());
    }
    // Group and dinode of the allocator, the new dinode, the directory's, and the name.
    let generation = random_u32();
    let mut txn = mounted.reserve(4 + INSERT_BLOCKS)?;
    let tid = txn.tid()?;
    let blkno = txn.change(|log| {
        let claimed = inodes.claim_block(log, &mut bit, mounted.slot())?;
        let (uid, gid) = owner_of_new(dir);
        let time = disk_time(dir.current_time());
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
        insert(
            &mut store,
            root,
            KBox::into_inner(place),
            name,
            claimed.blkno,
        )?;
        store
            .update(&mut root.block, |b| {
                Edit::of(b).mtime(time).ctime(time);
            })
            .on(dir.sb())?;
        (root.dinode.mtime, root.dinode.ctime) = (time, time);
        Inode::set_modified(&held, attributes::time(time));
        Ok(claimed.blkno)
    })?;
    txn.end()?;
    // It still says that there is no such name: not to be believed if this fails from here on.
    entry.set_stamp(0);
    drop(inodes);
    let inode = iget(dir.sb(), blkno, Expect::User, wait)?;
    if inode.generation() != generation {
        // Brought into memory meanwhile, as what was there before, by another name.
        return Err(Corrupt::new(blkno, "ocfs2_dinode.i_generation")).on(dir.sb());
    }
    // For an fsync of the file itself, which may follow without a write.
    inode.data().get_ref().changed_in(tid);
    entry.set_stamp(stamp(dir, dir.locks()?.meta.generation()));
    drop(held);
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
