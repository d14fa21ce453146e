// SPDX-License-Identifier: GPL-2.0-only
//! Inodes that come into memory.

use crate::{
    cluster::lock::Lock,
    data::{aops::Aops, file::File},
    lockres::Mode,
    meta::{
        attributes::attributes,
        corrupt::Report as _,
        guards::Held,
        inode::{Expect, InodeExt, Locks},
    },
    ondisk::{
        base::error::Corrupt,
        dlm::lock_name::LockName,
        inode::dinode::{Dinode, Id1, SYSTEM_FL},
    },
    vfs::fs::{
        folio::NoFolio,
        inode::{Attributes, Iget, NewInode},
        tables::Tables,
    },
    InodeRef, Ocfs2, SuperBlock,
};
use kernel::{prelude::*, sync::SetOnce};

/// Brings inode `blkno` into memory. Waits for its cluster locks.
///
/// # Errors
///
/// `ESTALE` for an inode that was deleted, `EUCLEAN` for one that is no inode, or a system file
/// where a user's is expected, or the other way round.
pub(crate) fn iget(
    sb: &SuperBlock,
    blkno: u64,
    expect: Expect,
    wait: &NoFolio,
) -> Result<InodeRef> {
    let volume = crate::volume_of(sb);
    let new = match sb.iget(blkno, wait)? {
        Iget::Cached(inode) if inode.locks()?.expect == expect => return Ok(inode),
        Iget::Cached(_) => return Err(Corrupt::new(blkno, "ocfs2_dinode.i_flags")).on(sb),
        Iget::New(new) => new,
    };
    add_locks(&new, expect)?;
    // From here on eviction gives the locks up, whatever happens.
    let dinode = read(&new, expect, wait)?;
    let rdev = match dinode.id1 {
        Id1::Device(dev) => device_number(dev),
        _ => 0,
    };
    new.set_flags(dinode.attr);
    Ok(new.finish(
        &attributes(&dinode, volume),
        dinode.generation,
        rdev,
        &TABLES,
    ))
}

/// The content of all inodes is in blocks or in the dinode; a directory's isn't for file operations.
const TABLES: Tables<Ocfs2> = Tables::new::<File, Aops>();

/// Gives an inode that comes into memory its cluster locks, but for the rw lock.
fn add_locks(new: &NewInode<Ocfs2>, expect: Expect) -> Result {
    let inode = new.inode();
    let (volume, blkno) = (inode.volume(), inode.ino());
    let geo = &volume.geo;
    let name = match expect {
        Expect::User => LockName::meta(blkno),
        Expect::System => LockName::meta_system(blkno, geo.fs_generation),
    };
    let open = match expect {
        Expect::User => Lock::plain(volume.cluster.as_ref(), LockName::open(blkno))?,
        Expect::System => Lock::Local,
    };
    let locks = Locks {
        expect,
        meta: Lock::with_contents(volume.cluster.as_ref(), name, || Ok(new.backref()?))?,
        open,
        rw: SetOnce::new(),
    };
    inode.data().get_ref().locks.populate(locks);
    Ok(())
}

/// Takes the open lock of a user's inode for as long as it is in memory, and makes its rw lock.
fn open(new: &NewInode<Ocfs2>, generation: u32, wait: &NoFolio) -> Result {
    let inode = new.inode();
    let (locks, data) = (inode.locks()?, inode.data().get_ref());
    *data.opened.lock() = Some(locks.open.acquire(Mode::Pr, wait)?);
    locks.rw.populate(Lock::plain(
        inode.volume().cluster.as_ref(),
        LockName::rw(inode.ino(), generation),
    )?);
    Ok(())
}

/// Makes the inode in memory, with its cluster locks, before the transaction that makes block
/// `blkno` one: so nothing can fail any more when the name is there. Waits for the cluster, but for
/// no other node, since none knows an inode there.
///
/// # Errors
///
/// `EUCLEAN` if there is one in memory: the bitmap calls the block of a live inode free, and all of
/// it may be as wrong.
pub(crate) fn prepare(
    sb: &SuperBlock,
    blkno: u64,
    generation: u32,
    wait: &NoFolio,
) -> Result<NewInode<Ocfs2>> {
    let bad = Corrupt::new(blkno, "ocfs2_group_desc.bg_bitmap");
    if sb.has_inode(blkno, wait) {
        return Err(bad).on(sb);
    }
    let Iget::New(new) = sb.iget(blkno, wait)? else {
        return Err(bad).on(sb);
    };
    add_locks(&new, Expect::User)?;
    open(&new, generation, wait)?;
    Ok(new)
}

/// Shows an inode that [`prepare`] made to others, after the transaction.
pub(crate) fn complete(new: NewInode<Ocfs2>, a: &Attributes, generation: u32) -> InodeRef {
    new.finish(a, generation, 0, &TABLES)
}

/// From the encoding of `huge_encode_dev()` to the kernel's own `dev_t`.
fn device_number(encoded: u64) -> u32 {
    let major = (encoded >> 8 & 0xfff) as u32;
    let minor = (encoded & 0xff | encoded >> 12 & 0xf_ff00) as u32;
    major << 20 | minor
}

/// Reads the dinode of a new inode under its lock.
fn read(new: &NewInode<Ocfs2>, expect: Expect, wait: &NoFolio) -> Result<Dinode> {
    let inode = new.inode();
    let locks = inode.locks()?;
    let data = inode.data().get_ref();
    let mut held = Held::of_new(new, wait)?;
    let read = (|| {
        let mut meta = data.meta.lock();
        let (_, root) = meta.read(&held)?;
        // A deleted inode whose block wasn't used again since.
        if root.dinode.dtime != 0 {
            return Err(ESTALE);
        }
        // A directory that names a system file would hand it to users, under a lock that nobody
        // else knows it by.
        if root.dinode.has_flags(SYSTEM_FL) != (expect == Expect::System) {
            return Err(Corrupt::new(inode.ino(), "ocfs2_dinode.i_flags")).on(inode.sb());
        }
        Ok(root.dinode)
    })();
    held.refreshed(read.is_ok());
    let dinode = read?;
    match expect {
        Expect::User => open(new, dinode.generation, wait)?,
        Expect::System => {
            locks.rw.populate(Lock::Local);
        }
    }
    Ok(dinode)
}
