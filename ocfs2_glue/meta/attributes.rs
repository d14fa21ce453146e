// SPDX-License-Identifier: GPL-2.0-only
//! An inode's attributes: in the dinode, in the lock value block, and in memory.

use super::{corrupt::Report as _, guards::Refreshing, inode::InodeExt};
use crate::{
    ondisk::{
        base::{error::Corrupt, file_type::FileType},
        dlm::lvb::{self, MetaLvb},
        inode::dinode::{self, Dinode},
    },
    vfs::fs::attr::{Attributes, Time},
    volume::Volume,
    Inode,
};
use kernel::prelude::*;

/// Takes attributes from the lock value block, or from the disk if that can't be trusted.
pub(super) fn refresh(fresh: &Refreshing<'_>, value_block: Option<[u8; lvb::SIZE]>) -> Result {
    let inode = fresh.inode();
    let volume = inode.volume();
    if let Some(lvb) = value_block {
        let known_type = FileType::from_mode(inode.mode());
        if let Some(v) = MetaLvb::decode(&lvb, inode.generation(), &volume.geo)
            .filter(|v| FileType::from_mode(v.mode) == known_type)
        {
            let a = Attributes {
                mode: v.mode,
                uid: v.uid,
                gid: v.gid,
                nlink: v.links,
                size: v.size as i64,
                blocks: volume.blocks_of(v.clusters, v.dyn_features, v.size),
                atime: time(v.atime),
                mtime: time(v.mtime),
                ctime: time(v.ctime),
            };
            Inode::set_attributes(fresh, &a);
            Inode::set_flags(fresh, v.attr);
            return Ok(());
        }
    }
    let mut meta = inode.meta();
    let (_, root) = meta.read(fresh)?;
    let d = &root.dinode;
    if d.generation != inode.generation() || d.dtime != 0 {
        // Deleted by another node, and perhaps made anew.
        return Err(ESTALE);
    }
    if Some(d.file_type) != FileType::from_mode(inode.mode()) {
        return Err(Corrupt::new(inode.ino(), "ocfs2_dinode.i_mode")).on(inode.sb());
    }
    Inode::set_attributes(fresh, &attributes(d, volume));
    Inode::set_flags(fresh, d.attr);
    Ok(())
}

/// What this node's lock value block should say. `None` if the dinode wasn't read under the
/// present grant, as when the attributes came in a value block themselves: what is known of
/// an earlier one may be old, and the next holder would trust it.
pub(crate) fn lock_value(inode: &Inode) -> Option<[u8; lvb::SIZE]> {
    let a = inode.attributes();
    let generation = inode.locks().ok()?.meta.generation();
    let meta = inode.meta();
    let root = meta.root_of(generation)?;
    let mut v = MetaLvb::from(&root.dinode);
    v.size = a.size as u64;
    v.uid = a.uid;
    v.gid = a.gid;
    v.mode = a.mode;
    v.links = a.nlink;
    (v.atime, v.mtime, v.ctime) = (disk_time(a.atime), disk_time(a.mtime), disk_time(a.ctime));
    Some(v.encode())
}

/// Times of the VFS and of the format.
pub(crate) fn time(t: dinode::Time) -> Time {
    Time {
        sec: t.sec,
        nsec: t.nsec,
    }
}

/// The other way round.
pub(crate) fn disk_time(t: Time) -> dinode::Time {
    dinode::Time {
        sec: t.sec,
        nsec: t.nsec,
    }
}

/// Attributes for the VFS, as the dinode has them.
pub(crate) fn attributes(d: &Dinode, volume: &Volume) -> Attributes {
    Attributes {
        mode: d.mode,
        uid: d.uid,
        gid: d.gid,
        nlink: d.links,
        size: d.size as i64,
        blocks: volume.blocks_of(d.clusters, d.dyn_features, d.size),
        atime: time(d.atime),
        mtime: time(d.mtime),
        ctime: time(d.ctime),
    }
}
