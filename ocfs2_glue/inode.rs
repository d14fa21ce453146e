// SPDX-License-Identifier: GPL-2.0-only
//! Inodes: their cluster locks, and what is kept of them in memory.
//!
//! # Locks of one inode, in the order in which they are taken
//!
//! 1. `i_rwsem` (the VFS; writers and creators)
//! 2. the rw lock `W` of the cluster (writers)
//! 3. the inode lock `M` of the cluster
//! 4. the allocators' locks (see `alloc.rs`), the journal handle
//! 5. a folio
//! 6. [`Meta`], the metadata mutex: innermost. Under it only the disk is waited for, so it may be
//!    taken with a folio locked. In an allocator's inode it is part of 4.

use crate::{
    aops::Aops,
    file::File,
    lock::{Held, Lock},
    lockres::Mode,
    ondisk::{
        dinode::{Body, Dinode, SYSTEM_FL},
        error::Corrupt,
        file_type::FileType,
        lock_name::LockName,
        lvb::MetaLvb,
        store::Blocks,
        tree::Mapping,
    },
    store::{Block, Known, Store},
    vfs::{
        folio::NoFolio,
        inode::{Attributes, Evicting, Iget, Time},
        jbd2::{Handle, JbdInode},
        tables::Tables,
    },
    Inode, InodeRef, Ocfs2, SuperBlock, Volume,
};
use core::ops::Range;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        lock::{mutex::MutexBackend, Guard},
        Mutex, SetOnce,
    },
};

/// Our part of an inode.
#[pin_data]
pub(crate) struct InodeData {
    locks: SetOnce<Locks>,
    /// The open lock, for as long as the inode is in memory.
    #[pin]
    opened: Mutex<Option<Held>>,
    #[pin]
    meta: Mutex<Meta>,
    /// What takes the place of `meta` in the inode of an allocator.
    outer_meta: SetOnce<Pin<KBox<Mutex<Meta>>>>,
    /// The jbd2 side of ordered data.
    #[pin]
    pub(crate) jbd: JbdInode,
    /// The last transaction that changed this inode's metadata.
    last_tid: Atomic<u64>,
}

/// The cluster locks of one inode.
pub(crate) struct Locks {
    /// As what the inode came into memory, and so how its locks are named.
    expect: Expect,
    /// `M`: metadata and data.
    pub(crate) meta: Lock,
    /// `O`: says that this node has the inode in memory. Not for system files.
    open: Lock,
    /// `W`: keeps writers of other nodes away for a whole write. Not for system files. Known once
    /// the dinode was read.
    rw: SetOnce<Lock>,
}

impl Locks {
    /// The rw lock.
    pub(crate) fn rw(&self) -> Result<&Lock> {
        self.rw.as_ref().ok_or(EIO)
    }
}

/// The dinode, as read under the present grant of the inode lock.
pub(crate) struct Root {
    /// The block.
    pub(crate) block: Block,
    /// What it says.
    pub(crate) dinode: Dinode,
}

impl Root {
    /// Decodes the block again, after it was changed.
    pub(crate) fn reload(&mut self, geo: &crate::ondisk::geometry::Geometry) -> Result {
        self.dinode = Dinode::decode(self.block.bytes(), self.block.blkno(), geo)?;
        Ok(())
    }
}

/// What is known of an inode's metadata blocks; good under its cluster lock only.
pub(crate) struct Meta {
    known: Known,
    root: Option<Root>,
    /// The last extent or hole that was looked up.
    pub(crate) last: Option<Mapping>,
    /// Blocks of the file that were allocated for the write that is going on, so that what the
    /// device has there means nothing.
    pub(crate) fresh: Range<u64>,
}

impl Meta {
    pub(crate) fn new() -> Self {
        Self {
            known: Known::new(),
            root: None,
            last: None,
            fresh: 0..0,
        }
    }

    /// The dinode and the store, for reading. The caller holds the inode's cluster lock.
    pub(crate) fn read<'a>(&'a mut self, inode: &'a Inode) -> Result<(Store<'a>, &'a mut Root)> {
        self.open(inode, None)
    }

    /// The same, for changes in the transaction of `handle`.
    pub(crate) fn change<'a>(
        &'a mut self,
        inode: &'a Inode,
        handle: &'a mut Handle,
    ) -> Result<(Store<'a>, &'a mut Root)> {
        inode.data().get_ref().changed_in(handle.tid());
        self.last = None;
        self.open(inode, Some(handle))
    }

    fn open<'a>(
        &'a mut self,
        inode: &'a Inode,
        handle: Option<&'a mut Handle>,
    ) -> Result<(Store<'a>, &'a mut Root)> {
        let volume: &'a Volume = inode.volume();
        if self.known.validate(inode.locks()?.meta.generation()) {
            self.root = None;
            self.last = None;
        }
        let geo = &volume.geo;
        let mut store = match handle {
            Some(handle) => Store::with(inode.sb(), geo, &mut self.known, handle),
            None => Store::new(inode.sb(), geo, &mut self.known),
        };
        let root = match &mut self.root {
            Some(root) => root,
            none => {
                let block = store.read(inode.ino())?;
                let dinode = Dinode::decode(block.bytes(), inode.ino(), geo)?;
                none.insert(Root { block, dinode })
            }
        };
        Ok((store, root))
    }
}

impl InodeData {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            locks: SetOnce::new(),
            opened <- new_mutex!(None, "ocfs2_glue_opened"),
            meta <- new_mutex!(Meta::new(), "ocfs2_glue_meta"),
            outer_meta: SetOnce::new(),
            jbd <- JbdInode::new(),
            last_tid: Atomic::new(0),
        })
    }

    /// Remembers that transaction `tid` changed this inode.
    pub(crate) fn changed_in(&self, tid: u32) {
        self.last_tid.store(u64::from(tid) | CHANGED, Relaxed);
    }

    /// The last transaction that changed this inode since it came into memory.
    pub(crate) fn last_change(&self) -> Option<u32> {
        let last = self.last_tid.load(Relaxed);
        (last & CHANGED != 0).then_some(last as u32)
    }
}

/// Tells transaction 0 from none.
const CHANGED: u64 = 1 << 32;

impl Inode {
    /// Checks that this is a directory, where the format says that there must be one.
    pub(crate) fn check_directory(&self) -> Result {
        match FileType::from_mode(self.mode()) {
            Some(FileType::Directory) => Ok(()),
            _ => Err(Corrupt::new(self.ino(), "ocfs2_dinode.i_mode").into()),
        }
    }
}

/// What kind of inode is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// One that a directory entry or the superblock names.
    User,
    /// A system file, the system directory or the root directory.
    System,
}

impl Inode {
    /// The volume.
    pub(crate) fn volume(&self) -> &Volume {
        crate::volume_of(self.sb())
    }

    /// The cluster locks. Every inode that [`iget`] has completed has them.
    pub(crate) fn locks(&self) -> Result<&Locks> {
        self.data().get_ref().locks.as_ref().ok_or(EIO)
    }

    /// Takes the inode lock, waiting as long as it takes, and brings the attributes up to date.
    ///
    /// # Errors
    ///
    /// `EINTR` for a task that was killed, `EIO` if the cluster is lost, errors of reading.
    pub(crate) fn lock_cluster(&self, mode: Mode, wait: &NoFolio) -> Result<Held> {
        let mut held = self.locks()?.meta.acquire(mode, wait)?;
        if let Some(cluster) = &self.volume().cluster {
            cluster.check_nodes(|is_down| crate::slots::any_has_slot(self.sb(), is_down))?;
        }
        if held.must_refresh() {
            let done = self.refresh(&held);
            held.refreshed(done.is_ok());
            done?;
        }
        Ok(held)
    }

    /// Takes attributes from the lock value block, or from the disk if that can't be trusted.
    fn refresh(&self, held: &Held) -> Result {
        let volume = self.volume();
        if let Some(lvb) = held.value_block() {
            let known_type = FileType::from_mode(self.mode());
            if let Some(v) = MetaLvb::decode(&lvb, self.generation(), &volume.geo)
                .filter(|v| FileType::from_mode(v.mode) == known_type)
            {
                self.set_attributes(&Attributes {
                    mode: v.mode,
                    uid: v.uid,
                    gid: v.gid,
                    nlink: v.links,
                    size: v.size as i64,
                    blocks: volume.blocks_of(v.clusters, v.dyn_features, v.size),
                    atime: time(v.atime),
                    mtime: time(v.mtime),
                    ctime: time(v.ctime),
                });
                self.set_flags(v.attr);
                return Ok(());
            }
        }
        let mut meta = self.meta();
        let (_, root) = meta.read(self)?;
        let d = &root.dinode;
        if d.generation != self.generation() || d.dtime != 0 {
            // Deleted by another node, and perhaps made anew.
            return Err(ESTALE);
        }
        if Some(d.file_type) != FileType::from_mode(self.mode()) {
            return Err(Corrupt::new(self.ino(), "ocfs2_dinode.i_mode").into());
        }
        self.set_attributes(&attributes(d, volume));
        self.set_flags(d.attr);
        Ok(())
    }

    /// What this node's lock value block should say. `None` if the dinode wasn't read under the
    /// present grant, as when the attributes came in a value block themselves: what is known of
    /// an earlier one may be old, and the next holder would trust it.
    pub(crate) fn lock_value(&self) -> Option<[u8; crate::ondisk::lvb::SIZE]> {
        let a = self.attributes();
        let generation = self.locks().ok()?.meta.generation();
        let meta = self.meta();
        let root = meta
            .root
            .as_ref()
            .filter(|_| meta.known.is_of(generation))?;
        let mut v = MetaLvb::from(&root.dinode);
        v.size = a.size as u64;
        v.uid = a.uid;
        v.gid = a.gid;
        v.mode = a.mode;
        v.links = a.nlink;
        (v.atime, v.mtime, v.ctime) = (disk_time(a.atime), disk_time(a.mtime), disk_time(a.ctime));
        Some(v.encode())
    }

    /// The metadata mutex. Innermost (see the top of this file), but for the inodes of allocators.
    pub(crate) fn meta(&self) -> Guard<'_, Meta, MutexBackend> {
        let data = self.data().get_ref();
        match data.outer_meta.as_ref() {
            Some(outer) => outer.lock(),
            None => data.meta.lock(),
        }
    }

    /// Makes `meta` the metadata mutex of this inode, an allocator's: it is held from before a
    /// transaction to its end, so it comes before the journal handle and all inner ones, and
    /// wants a lock class of its own.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it has one already; `ENOMEM`.
    pub(crate) fn hold_while_changing(&self, meta: impl PinInit<Mutex<Meta>>) -> Result {
        let meta = KBox::pin_init(meta, GFP_KERNEL)?;
        match self.data().get_ref().outer_meta.populate(meta) {
            true => Ok(()),
            false => Err(EBUSY),
        }
    }

    /// Forgets what is known of the metadata, which was changed behind its back.
    pub(crate) fn forget(&self) {
        *self.meta() = Meta::new();
    }

    /// Body of the dinode under the present lock.
    pub(crate) fn body(&self) -> Result<Body> {
        let mut meta = self.meta();
        let (_, root) = meta.read(self)?;
        Ok(root.dinode.body)
    }
}

/// Times of the VFS and of the format.
pub(crate) fn time(t: crate::ondisk::dinode::Time) -> Time {
    Time {
        sec: t.sec,
        nsec: t.nsec,
    }
}

/// The other way round.
pub(crate) fn disk_time(t: Time) -> crate::ondisk::dinode::Time {
    crate::ondisk::dinode::Time {
        sec: t.sec,
        nsec: t.nsec,
    }
}

fn attributes(d: &Dinode, volume: &Volume) -> Attributes {
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
        Iget::Cached(_) => return Err(Corrupt::new(blkno, "ocfs2_dinode.i_flags").into()),
        Iget::New(new) => new,
    };
    let inode = new.inode();
    let geo = &volume.geo;
    let name = match expect {
        Expect::User => LockName::meta(blkno),
        Expect::System => LockName::meta_system(blkno, geo.fs_generation),
    };
    let open = match expect {
        Expect::User => Lock::plain(volume, LockName::open(blkno))?,
        Expect::System => Lock::Local,
    };
    let locks = Locks {
        expect,
        meta: Lock::for_inode(volume, &new, name)?,
        open,
        rw: SetOnce::new(),
    };
    inode.data().get_ref().locks.populate(locks);
    // From here on eviction gives the locks up, whatever happens.
    let dinode = read(inode, expect, wait)?;
    let rdev = match dinode.id1 {
        crate::ondisk::dinode::Id1::Device(dev) => device_number(dev),
        _ => 0,
    };
    inode.set_flags(dinode.attr);
    Ok(new.finish(
        &attributes(&dinode, volume),
        dinode.generation,
        rdev,
        &TABLES,
    ))
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
fn read(inode: &Inode, expect: Expect, wait: &NoFolio) -> Result<Dinode> {
    let volume = inode.volume();
    let locks = inode.locks()?;
    let data = inode.data().get_ref();
    let mut held = locks.meta.acquire(Mode::Pr, wait)?;
    let read = (|| {
        let mut meta = data.meta.lock();
        let (_, root) = meta.read(inode)?;
        // A deleted inode whose block wasn't used again since.
        if root.dinode.dtime != 0 {
            return Err(ESTALE);
        }
        // A directory that names a system file would hand it to users, under a lock that nobody
        // else knows it by.
        if root.dinode.has_flags(SYSTEM_FL) != (expect == Expect::System) {
            return Err(Corrupt::new(inode.ino(), "ocfs2_dinode.i_flags").into());
        }
        Ok(root.dinode)
    })();
    held.refreshed(read.is_ok());
    let dinode = read?;
    if expect == Expect::User {
        *data.opened.lock() = Some(locks.open.acquire(Mode::Pr, wait)?);
        locks.rw.populate(Lock::plain(
            volume,
            LockName::rw(inode.ino(), dinode.generation),
        )?);
    } else {
        locks.rw.populate(Lock::Local);
    }
    Ok(dinode)
}

/// `->evict_inode`: writes metadata to where other nodes will read it, and gives the locks up.
pub(crate) fn evict(inode: &Inode, evicting: &Evicting) {
    let data = inode.data();
    let Ok(locks) = inode.locks() else { return };
    // Without a journal nothing was changed, or it was replayed.
    let in_place = matches!(crate::flush::metadata(inode), Ok(()) | Err(EROFS));
    data.jbd().release();
    let opened = data.get_ref().opened.lock().take();
    drop(opened);
    let value = inode.lock_value();
    locks.open.evict(None, evicting);
    if let Some(rw) = locks.rw.as_ref() {
        rw.evict(None, evicting);
    }
    if in_place {
        locks.meta.evict(value, evicting);
    } else {
        locks.meta.withhold(evicting);
    }
}

crate::vfs::pinned::pinned_field! {
    /// The jbd2 side of the inode.
    fn jbd(InodeData) -> JbdInode { jbd }
}
