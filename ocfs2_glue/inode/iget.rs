// SPDX-License-Identifier: GPL-2.0-only
//! Inodes that come into memory.

use crate::{
    cluster::lock::{self, Lock},
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
        inode::{Iget, NewInode},
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
    let new = match sb.iget(blkno, wait)? {
        Iget::Cached(inode) if inode.locks()?.expect == expect => return Ok(inode),
        Iget::Cached(_) => return Err(Corrupt::new(blkno, "ocfs2_dinode.i_flags")).on(sb),
        Iget::New(new) => new,
    };
    add_locks(&new, expect)?;
    let dinode = read(&new, expect, wait)?;
    if expect == Expect::User {
        open(&new, dinode.generation, wait)?;
    } else {
        new.inode().locks()?.rw.populate(Lock::Local);
    }
    Ok(finish(new, &dinode))
}

/// An inode that is about to be created: it is in memory and has its cluster locks, at EX, and
/// nobody else can use it yet. Dropping it gives it up.
pub(crate) struct Creating {
    // Given back before eviction gives the lock up.
    _held: lock::Held,
    new: NewInode<Ocfs2>,
}

impl Creating {
    /// Does all for inode `blkno` that can fail or wait, before the transaction that creates it.
    /// The caller has the block's allocator locked, where the block is free: so nobody waits for
    /// the allocator with this inode's lock held.
    ///
    /// # Errors
    ///
    /// `EUCLEAN` if the inode is in use; `EINTR`, `ENOMEM`, `EIO` if the cluster is lost.
    pub(crate) fn begin(
        sb: &SuperBlock,
        blkno: u64,
        generation: u32,
        wait: &NoFolio,
    ) -> Result<Self> {
        let new = match sb.iget(blkno, wait)? {
            Iget::New(new) => new,
            // A bitmap that calls the block of a live inode free; all of it may be as wrong.
            Iget::Cached(_) => {
                return Err(Corrupt::new(blkno, "ocfs2_group_desc.bg_bitmap")).on(sb);
            }
        };
        add_locks(&new, Expect::User)?;
        let mut held = new.inode().locks()?.meta.acquire(Mode::Ex, wait)?;
        // There is nothing to read yet, and nobody who could before `finish`.
        held.refreshed(true);
        open(&new, generation, wait)?;
        Ok(Self { _held: held, new })
    }

    /// Shows the inode to others, as the transaction has made it. Can't fail.
    pub(crate) fn finish(self, dinode: &Dinode) -> InodeRef {
        finish(self.new, dinode)
    }
}

/// Gives a new inode its cluster locks. From here on eviction gives them up, whatever happens.
fn add_locks(new: &NewInode<Ocfs2>, expect: Expect) -> Result {
    let inode = new.inode();
    let (volume, blkno) = (inode.volume(), inode.ino());
    let name = match expect {
        Expect::User => LockName::meta(blkno),
        Expect::System => LockName::meta_system(blkno, volume.geo.fs_generation),
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

/// Acquires the open lock of a user's inode, and makes its rw lock, whose name has the generation.
fn open(new: &NewInode<Ocfs2>, generation: u32, wait: &NoFolio) -> Result {
    let inode = new.inode();
    let locks = inode.locks()?;
    *inode.data().get_ref().opened.lock() = Some(locks.open.acquire(Mode::Pr, wait)?);
    locks.rw.populate(Lock::plain(
        inode.volume().cluster.as_ref(),
        LockName::rw(inode.ino(), generation),
    )?);
    Ok(())
}

/// Completes a new inode.
fn finish(new: NewInode<Ocfs2>, dinode: &Dinode) -> InodeRef {
    let attributes = attributes(dinode, new.inode().volume());
    let rdev = match dinode.id1 {
        Id1::Device(dev) => device_number(dev),
        _ => 0,
    };
    new.set_flags(dinode.attr);
    new.finish(&attributes, dinode.generation, rdev, &TABLES)
}

/// The content of all inodes is in blocks or in the dinode; a directory's isn't for file operations.
const TABLES: Tables<Ocfs2> = Tables::new::<File, Aops>();

/// From the encoding of `huge_encode_dev()` to the kernel's own `dev_t`.
fn device_number(encoded: u64) -> u32 {
    let major = (encoded >> 8 & 0xfff) as u32;
    let minor = (encoded & 0xff | encoded >> 12 & 0xf_ff00) as u32;
    major << 20 | minor
}

/// Reads the dinode of a new inode under its lock.
fn read(new: &NewInode<Ocfs2>, expect: Expect, wait: &NoFolio) -> Result<Dinode> {
    let inode = new.inode();
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
    read
}
