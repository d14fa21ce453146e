// SPDX-License-Identifier: GPL-2.0-only
//! Inodes, with a private part that is allocated along with them.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! Not supported: inode numbers that don't fit `i_ino`, ACLs, idmapped mounts.

use super::{
    folio::NoFolio,
    inode_ref::InodeRef,
    super_block::{FileSystem, Registration, SuperBlock},
    tables::Tables,
    xattr,
};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    bindings,
    error::to_result,
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex, SetOnce},
    types::{NotThreadSafe, Opaque},
};

/// What is allocated for one inode: C's part and ours.
///
/// # Invariants
///
/// `backref` and `data` are initialised from `->alloc_inode` to `->destroy_inode`.
#[repr(C)]
pub(in crate::vfs) struct Slot<T: FileSystem> {
    inode: Opaque<bindings::inode>,
    backref: MaybeUninit<SetOnce<Arc<Backref<T>>>>,
    data: MaybeUninit<T::Inode>,
}

/// C: `struct inode`, of file system `T`.
///
/// A borrow keeps it in memory, but doesn't mean that anybody has a reference: see
/// [`super::inode_ref`].
///
/// # Invariants
///
/// It is the first field of a [`Slot<T>`], between `->alloc_inode` and `->destroy_inode`.
#[repr(transparent)]
pub(crate) struct Inode<T: FileSystem> {
    raw: Opaque<bindings::inode>,
    _type: PhantomData<T>,
}

// SAFETY: The C side synchronises inodes; the private data is `Send` and `Sync`.
unsafe impl<T: FileSystem> Send for Inode<T> {}
// SAFETY: As above.
unsafe impl<T: FileSystem> Sync for Inode<T> {}

/// Something that is a proof for one inode; see [`FileSystem::Exclusive`].
pub(crate) trait OfInode<T: FileSystem> {
    /// Which inode.
    fn inode(&self) -> &Inode<T>;
}

/// Seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Time {
    /// Seconds.
    pub(crate) sec: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub(crate) nsec: u32,
}

/// The attributes that a file system keeps for the VFS.
#[derive(Clone, Copy, Default)]
pub(crate) struct Attributes {
    /// Type and permission bits, `S_IFMT` included.
    pub(crate) mode: u16,
    /// Owner, as the disk has it.
    pub(crate) uid: u32,
    /// Group, as the disk has it.
    pub(crate) gid: u32,
    /// Number of links.
    pub(crate) nlink: u32,
    /// Size in bytes.
    pub(crate) size: i64,
    /// Allocated room, in sectors of 512 bytes.
    pub(crate) blocks: u64,
    /// Last access.
    pub(crate) atime: Time,
    /// Last change of the content.
    pub(crate) mtime: Time,
    /// Last change of the inode.
    pub(crate) ctime: Time,
}

impl<T: FileSystem> Inode<T> {
    /// Borrows a C inode.
    ///
    /// # Safety
    ///
    /// `raw` is an inode of a superblock of type `T` that isn't freed during `'a`: there is a
    /// reference to it, or its eviction waits (`I_SYNC`) or is what calls.
    pub(in crate::vfs) unsafe fn from_raw<'a>(raw: *mut bindings::inode) -> &'a Self {
        // SAFETY: All inodes of such superblocks come from `alloc_inode::<T>`.
        unsafe { &*raw.cast() }
    }

    /// The C inode.
    pub(crate) fn as_raw(&self) -> *mut bindings::inode {
        self.raw.get()
    }

    /// The private part.
    pub(crate) fn data(&self) -> Pin<&T::Inode> {
        // SAFETY: By the type invariants the inode is the head of a slot whose data is valid; the
        // slot doesn't move.
        unsafe { Pin::new_unchecked((*self.as_raw().cast::<Slot<T>>()).data.assume_init_ref()) }
    }

    /// The superblock.
    pub(crate) fn sb(&self) -> &SuperBlock<T> {
        // SAFETY: `i_sb` doesn't change, and outlives its inodes.
        unsafe { SuperBlock::from_raw((*self.as_raw()).i_sb) }
    }

    /// Inode number.
    pub(crate) fn ino(&self) -> u64 {
        // SAFETY: `i_ino` was set before the inode could be found and doesn't change.
        unsafe { (*self.as_raw()).i_ino }
    }

    /// `i_mode`, type and permissions.
    pub(crate) fn mode(&self) -> u16 {
        // SAFETY: A 16-bit word that may be read at any time.
        unsafe { (*self.as_raw()).i_mode }
    }

    /// `i_generation`.
    pub(crate) fn generation(&self) -> u32 {
        // SAFETY: Set before the inode could be found.
        unsafe { (*self.as_raw()).i_generation }
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> i64 {
        // SAFETY: `i_size_read` may be called at any time.
        unsafe { bindings::i_size_read(self.as_raw()) }
    }

    /// Sets the size. What protects it is `held`, and the file system's own lock around that.
    pub(crate) fn set_size(held: &T::Exclusive<'_>, size: i64) {
        held.inode().write_size(size);
    }

    fn write_size(&self, size: i64) {
        // SAFETY: On 64-bit kernels this is one store.
        unsafe { bindings::i_size_write(self.as_raw(), size) };
    }

    /// Sets allocated room, in sectors of 512 bytes.
    pub(crate) fn set_blocks(held: &T::Exclusive<'_>, sectors: u64) {
        held.inode().write_blocks(sectors);
    }

    fn write_blocks(&self, sectors: u64) {
        // SAFETY: Written under the same locks as the size; readers only show it.
        unsafe { (*self.as_raw()).i_blocks = sectors };
    }

    /// Takes attributes over from the disk or a lock value block. What type of inode it is
    /// (`S_IFMT`) stays as it is: operations, and C's unions, go by that.
    pub(crate) fn set_attributes(fresh: &T::Refresh<'_>, a: &Attributes) {
        fresh.inode().write_attributes(a);
    }

    /// Sets all attributes that chmod(2), chown(2), utimes(2) and truncate(2) change.
    pub(crate) fn change_attributes(held: &T::Exclusive<'_>, a: &Attributes) {
        held.inode().write_attributes(a);
    }

    /// Has the VFS act on flags as chattr(1) sets them, `FS_*_FL`: the five that it knows
    /// (`i_flags`). Others do nothing here.
    pub(crate) fn set_flags(fresh: &T::Refresh<'_>, attr: u32) {
        fresh.inode().write_flags(attr);
    }

    fn write_attributes(&self, a: &Attributes) {
        let raw = self.as_raw();
        // SAFETY: The inode is valid. Attributes of inodes in use are words that C code, too,
        // updates without a lock against readers when another node changed them.
        unsafe {
            let kind = bindings::S_IFMT as u16;
            (*raw).i_mode = (*raw).i_mode & kind | a.mode & !kind;
            bindings::i_uid_write(raw, a.uid);
            bindings::i_gid_write(raw, a.gid);
            bindings::set_nlink(raw, a.nlink);
            bindings::inode_set_atime(raw, a.atime.sec, a.atime.nsec as c_long);
            bindings::inode_set_mtime(raw, a.mtime.sec, a.mtime.nsec as c_long);
            bindings::inode_set_ctime(raw, a.ctime.sec, a.ctime.nsec as c_long);
        }
        self.write_size(a.size);
        self.write_blocks(a.blocks);
    }

    fn write_flags(&self, attr: u32) {
        const KNOWN: [(u32, u32); 5] = [
            (bindings::FS_SYNC_FL, bindings::S_SYNC),
            (bindings::FS_IMMUTABLE_FL, bindings::S_IMMUTABLE),
            (bindings::FS_APPEND_FL, bindings::S_APPEND),
            (bindings::FS_NOATIME_FL, bindings::S_NOATIME),
            (bindings::FS_DIRSYNC_FL, bindings::S_DIRSYNC),
        ];
        let (mut flags, mut mask) = (0, 0);
        for (fs, vfs) in KNOWN {
            mask |= vfs;
            if attr & fs != 0 {
                flags |= vfs;
            }
        }
        // SAFETY: The inode is valid; other bits of the word may change at the same time.
        unsafe { bindings::inode_set_flags(self.as_raw(), flags, mask) };
    }

    /// The attributes as they are in memory.
    pub(crate) fn attributes(&self) -> Attributes {
        let raw = self.as_raw();
        // SAFETY: The inode is valid; all are words that may be read at any time.
        unsafe {
            Attributes {
                mode: (*raw).i_mode,
                uid: bindings::i_uid_read(raw),
                gid: bindings::i_gid_read(raw),
                nlink: (*raw).__bindgen_anon_1.i_nlink,
                size: self.size(),
                blocks: (*raw).i_blocks,
                atime: Time {
                    sec: bindings::inode_get_atime_sec(raw),
                    nsec: bindings::inode_get_atime_nsec(raw) as u32,
                },
                mtime: Time {
                    sec: bindings::inode_get_mtime_sec(raw),
                    nsec: bindings::inode_get_mtime_nsec(raw) as u32,
                },
                ctime: Time {
                    sec: bindings::inode_get_ctime_sec(raw),
                    nsec: bindings::inode_get_ctime_nsec(raw) as u32,
                },
            }
        }
    }

    /// What a time stamp of this inode should say now.
    pub(crate) fn current_time(&self) -> Time {
        // SAFETY: The inode is valid, and has a superblock.
        let now = unsafe { bindings::current_time(self.as_raw()) };
        Time {
            sec: now.tv_sec,
            nsec: now.tv_nsec as u32,
        }
    }

    /// Sets mtime and ctime.
    pub(crate) fn set_modified(held: &T::Exclusive<'_>, time: Time) {
        let raw = held.inode().as_raw();
        // SAFETY: The inode is valid; C callers, too, write time stamps without a lock against
        // readers.
        unsafe {
            bindings::inode_set_ctime(raw, time.sec, time.nsec as c_long);
            bindings::inode_set_mtime(raw, time.sec, time.nsec as c_long);
        }
    }

    /// Takes the inode lock exclusively (`i_rwsem`), as `inode_lock_killable()` does: whoever has
    /// it may be waiting for another node. `EINTR`: this task was killed.
    pub(crate) fn lock_killable(&self) -> Result<InodeLock<'_, T>> {
        // SAFETY: The inode is valid, and so is its lock.
        let got = unsafe { bindings::down_write_killable(&raw mut (*self.as_raw()).i_rwsem) };
        to_result(got)?;
        Ok(InodeLock { inode: self })
    }
}

/// A way from something that may outlive an inode to that inode; see [`NewInode::backref`].
///
/// # Invariants
///
/// While `target` is set the inode is valid: `->evict_inode` clears it first, under the mutex.
#[pin_data]
pub(crate) struct Backref<T: FileSystem> {
    #[pin]
    target: Mutex<Option<Target<T>>>,
}

struct Target<T: FileSystem> {
    inode: NonNull<Inode<T>>,
}

// SAFETY: An inode may be used from any task.
unsafe impl<T: FileSystem> Send for Target<T> {}

impl<T: FileSystem> Backref<T> {
    /// Calls `f` with the inode, unless that is gone or going. Eviction waits until `f` is done,
    /// so `f` must not wait for an eviction, nor allocate memory by reclaiming inodes.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&Inode<T>) -> R) -> Option<R> {
        let target = self.target.lock();
        // SAFETY: By the type invariant, for as long as the mutex is held.
        target.as_ref().map(|t| f(unsafe { t.inode.as_ref() }))
    }
}

/// The inode lock, held exclusively by this task.
#[must_use = "the lock is given back when this is dropped"]
pub(crate) struct InodeLock<'a, T: FileSystem> {
    pub(in crate::vfs) inode: &'a Inode<T>,
}

impl<T: FileSystem> Drop for InodeLock<'_, T> {
    fn drop(&mut self) {
        // SAFETY: This task took the lock when the value was made.
        unsafe { bindings::inode_unlock(self.inode.as_raw()) };
    }
}

/// Says that this task is evicting an inode, and so may wait for the cluster to take a lock back.
///
/// That isn't what [`NoFolio`] says: whoever drops the last reference evicts, and so does who
/// reclaims memory, with a folio of another file system locked perhaps. docs/lock-order.md says
/// why that may wait.
pub(crate) struct Evicting {
    _task: NotThreadSafe,
}

/// What looking an inode up by number gives.
pub(crate) enum Iget<T: FileSystem> {
    /// It was in memory.
    Cached(InodeRef<T>),
    /// It is new; the caller reads it.
    New(NewInode<T>),
}

/// An inode that nobody else can use yet (`I_NEW`). Dropping it gives it up.
///
/// # Invariants
///
/// The inode has `I_NEW` set by this task, and one reference is owned.
pub(crate) struct NewInode<T: FileSystem> {
    inode: NonNull<Inode<T>>,
}

impl<T: FileSystem> NewInode<T> {
    /// The inode, for looking at its private part.
    pub(crate) fn inode(&self) -> &Inode<T> {
        // SAFETY: By the type invariant there is a reference.
        unsafe { self.inode.as_ref() }
    }

    /// A way to this inode that doesn't keep it in memory. Sleeps.
    ///
    /// Only a new inode gives it: this task's reference keeps the inode from being evicted, so the
    /// eviction that ends the way is yet to come.
    pub(crate) fn backref(&self) -> Result<Arc<Backref<T>>> {
        // SAFETY: By the type invariants the inode is the head of a slot with a valid `backref`.
        let once = unsafe {
            (*self.inode.as_ptr().cast::<Slot<T>>())
                .backref
                .assume_init_ref()
        };
        if once.as_ref().is_none() {
            let target = Some(Target { inode: self.inode });
            let new = Arc::pin_init(
                pin_init!(Backref { target <- new_mutex!(target, "vfs_backref") }),
                GFP_KERNEL,
            )?;
            // INVARIANT: `evict_inode` takes the target away from what is stored here, and hasn't
            // begun; one that lost the race is dropped at once.
            once.populate(new);
        }
        once.as_ref().cloned().ok_or(ENOMEM)
    }

    /// Has the VFS act on flags as chattr(1) sets them; see [`Inode::set_flags`].
    pub(crate) fn set_flags(&self, attr: u32) {
        self.inode().write_flags(attr);
    }

    /// Completes the inode and shows it to others.
    pub(crate) fn finish(
        self,
        a: &Attributes,
        generation: u32,
        rdev: u32,
        tables: &Tables<T>,
    ) -> InodeRef<T> {
        let inode = core::mem::ManuallyDrop::new(self).inode;
        // SAFETY: By the type invariant the inode is valid, and nobody else uses it. The tables are
        // for its file system type, and for what the mode says it is.
        unsafe {
            let raw = inode.as_ref().as_raw();
            (*raw).i_mode = a.mode;
            inode.as_ref().write_attributes(a);
            (*raw).i_generation = generation;
            ((*raw).i_op, (*raw).__bindgen_anon_3.i_fop) = tables.of(a.mode);
            (*(*raw).i_mapping).a_ops = tables.mapping;
            // Other nodes change ACLs, so the VFS may not keep them.
            ((*raw).i_acl, (*raw).i_default_acl) = xattr::NO_CACHED_ACLS;
            match u32::from(a.mode) & bindings::S_IFMT {
                bindings::S_IFREG | bindings::S_IFDIR => {}
                // The target is read through the page cache and used as a string.
                bindings::S_IFLNK => bindings::inode_nohighmem(raw),
                _ => bindings::init_special_inode(raw, a.mode, rdev),
            }
            // Allocations for a folio happen with it locked. Reclaim would evict inodes, and an
            // eviction waits for the journal, whose users may wait for that folio, and for the
            // cluster. (`mapping_set_gfp_mask()` is inline, and does the same.)
            (*(*raw).i_mapping).gfp_mask &= !(bindings::GFP_KERNEL & !bindings::GFP_NOFS);
            bindings::unlock_new_inode(raw);
            InodeRef::from_raw(inode)
        }
    }
}

impl<T: FileSystem> Drop for NewInode<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is ours to fail, reference included.
        unsafe { bindings::iget_failed(self.inode.as_ref().as_raw()) };
    }
}

impl<T: FileSystem> SuperBlock<T> {
    /// Finds inode `ino` in memory or begins a new one. Waits for its eviction if that has begun,
    /// and for a task that brings it in, which waits for the cluster.
    pub(crate) fn iget(&self, ino: u64, _wait: &NoFolio) -> Result<Iget<T>> {
        // SAFETY: The superblock is valid and has its operations set.
        let raw = unsafe { bindings::iget_locked(self.as_raw(), ino) };
        let inode = NonNull::new(raw.cast::<Inode<T>>()).ok_or(ENOMEM)?;
        // SAFETY: `iget_locked` returned a valid inode, whose state may be read.
        if unsafe { (*raw).i_state.__state } & bindings::inode_state_flags_enum_I_NEW != 0 {
            // INVARIANT: `iget_locked` set `I_NEW` for this task and gave a reference.
            Ok(Iget::New(NewInode { inode }))
        } else {
            // SAFETY: The reference that `iget_locked` gave is ours.
            Ok(Iget::Cached(unsafe { InodeRef::from_raw(inode) }))
        }
    }

    /// Whether inode `ino` is in memory, or being brought in. Waits for its eviction if that has
    /// begun, and not for a task that brings it in. Sleeps.
    pub(crate) fn has_inode(&self, ino: u64, _wait: &NoFolio) -> bool {
        unsafe extern "C" fn is_it(raw: *mut bindings::inode, ino: *mut c_void) -> c_int {
            // SAFETY: Called with an inode of the hash table, under its lock, and with the pointer
            // that is passed below.
            c_int::from(unsafe { (*raw).i_ino == *ino.cast::<u64>() })
        }
        let (mut wanted, mut is_new) = (ino, false);
        // SAFETY: The superblock is valid; both pointers are used during the call alone.
        let raw = unsafe {
            bindings::ilookup5_nowait(
                self.as_raw(),
                ino,
                Some(is_it),
                (&raw mut wanted).cast(),
                &raw mut is_new,
            )
        };
        if raw.is_null() {
            return false;
        }
        // SAFETY: The lookup gave a reference, which nothing else was done with.
        unsafe { bindings::iput(raw) };
        true
    }
}

/// The slab cache for inodes of `T`; C: `struct kmem_cache`. Dropping it sleeps.
///
/// # Invariants
///
/// `raw` is a cache for [`Slot<T>`]s, and ours. Slots are in it only while `T` is registered with
/// it, and for a grace period after that.
pub(in crate::vfs) struct Cache<T: FileSystem> {
    raw: NonNull<bindings::kmem_cache>,
    _type: PhantomData<T>,
}

impl<T: FileSystem> Cache<T> {
    /// Makes it.
    pub(in crate::vfs) fn new() -> Result<Self> {
        unsafe extern "C" fn init_once(object: *mut c_void) {
            // SAFETY: The slab allocator passes memory for a slot, whose first field is the inode.
            unsafe { bindings::inode_init_once(object.cast()) };
        }
        // SAFETY: All-zero is a valid set of arguments, and means defaults.
        let mut args: bindings::kmem_cache_args = unsafe { MaybeUninit::zeroed().assume_init() };
        args.align = core::mem::align_of::<Slot<T>>() as _;
        args.ctor = Some(init_once);
        // SAFETY: The name is static, the size and the constructor match.
        let raw = unsafe {
            bindings::__kmem_cache_create_args(
                T::NAME.as_char_ptr(),
                core::mem::size_of::<Slot<T>>() as u32,
                &mut args,
                0,
            )
        };
        Ok(Self {
            // INVARIANT: It is new, and nobody has it yet.
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            _type: PhantomData,
        })
    }

    /// The C cache, valid while `self` is borrowed.
    pub(in crate::vfs) fn as_raw(&self) -> *mut bindings::kmem_cache {
        self.raw.as_ptr()
    }
}

impl<T: FileSystem> Drop for Cache<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is ours. `T` isn't registered (any more), so no slots
        // can be made, and those that are freed after a grace period are gone after the barrier.
        unsafe {
            bindings::rcu_barrier();
            bindings::kmem_cache_destroy(self.as_raw());
        }
    }
}

/// `->alloc_inode`.
///
/// # Safety
///
/// Called by the VFS with a superblock of type `T`.
pub(in crate::vfs) unsafe extern "C" fn alloc_inode<T: FileSystem>(
    sb: *mut bindings::super_block,
) -> *mut bindings::inode {
    // SAFETY: By the contract; the cache is for slots of `T`.
    let raw =
        unsafe { bindings::alloc_inode_sb(sb, Registration::<T>::cache(sb), bindings::GFP_KERNEL) };
    let slot = raw.cast::<Slot<T>>();
    if slot.is_null() {
        return core::ptr::null_mut();
    }
    // SAFETY: The memory is ours, has room for both, and isn't moved until they are dropped in
    // `destroy_inode`.
    unsafe {
        (*slot).backref.as_mut_ptr().write(SetOnce::new());
        pin_init::raw_init((*slot).data.as_mut_ptr(), T::alloc_inode());
    }
    // INVARIANT: The data is initialised.
    slot.cast()
}

/// `->destroy_inode`: process context, the inode can't be found any more except by RCU walks,
/// which never get to the private part.
///
/// # Safety
///
/// Called by the VFS once for an inode that [`alloc_inode`] made.
pub(in crate::vfs) unsafe extern "C" fn destroy_inode<T: FileSystem>(raw: *mut bindings::inode) {
    let slot = raw.cast::<Slot<T>>();
    // SAFETY: By the type invariant both are initialised; this is the end of that time.
    unsafe {
        (*slot).data.assume_init_drop();
        (*slot).backref.assume_init_drop();
    }
}

/// `->free_inode`, after a grace period.
///
/// # Safety
///
/// Called by the VFS once, after [`destroy_inode`].
pub(in crate::vfs) unsafe extern "C" fn free_inode<T: FileSystem>(raw: *mut bindings::inode) {
    // SAFETY: The superblock may be gone, so its cache can't be asked for; the slab allocator
    // finds the cache from the object.
    unsafe { bindings::kfree(raw.cast()) };
}

/// `->evict_inode`.
///
/// # Safety
///
/// Called by the VFS once for an inode that nobody uses.
pub(in crate::vfs) unsafe extern "C" fn evict_inode<T: FileSystem>(raw: *mut bindings::inode) {
    // SAFETY: The inode is being freed, its mapping can't be used by others.
    unsafe { bindings::truncate_inode_pages_final(&mut (*raw).i_data) };
    // SAFETY: By the type invariant of the slot.
    if let Some(b) = unsafe { (*raw.cast::<Slot<T>>()).backref.assume_init_ref() }.as_ref() {
        *b.target.lock() = None;
    }
    // SAFETY: The inode is valid until this function has returned.
    T::evict_inode(
        unsafe { Inode::from_raw(raw) },
        &Evicting {
            _task: NotThreadSafe,
        },
    );
    // SAFETY: What `->evict_inode` has to end with.
    unsafe { bindings::clear_inode(raw) };
}
