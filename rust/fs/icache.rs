// SPDX-License-Identifier: GPL-2.0-only
//! The inode cache: finding inodes, making them, and their memory.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/slab.h`](srctree/include/linux/slab.h)
//!
//! Not supported: inodes without a number of their own, hashing by more than the number.

use super::{
    attr::Attributes,
    file_system::FileSystem,
    folio::NoFolio,
    inode::{Backref, Inode, Slot},
    inode_count::InodeCount,
    inode_ref::InodeRef,
    super_block::SuperBlock,
    tables::Tables,
};
use core::{
    marker::PhantomData,
    mem::{align_of, size_of, ManuallyDrop, MaybeUninit},
    ptr::NonNull,
};
use kernel::{
    bindings,
    prelude::*,
    sync::{Arc, SetOnce},
    types::NotThreadSafe,
};

/// Says that this task is evicting an inode, and so may wait for the cluster to take a lock back.
///
/// It isn't what [`NoFolio`] says: dropping the last reference evicts, and so does memory reclaim,
/// perhaps with a folio of another file system locked. docs/lock-order.md says why that may wait.
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
            // SAFETY: There is a reference. `evict_inode` clears what is stored here, and hasn't
            // begun; one that lost the race is dropped at once.
            let new = Arc::pin_init(unsafe { Backref::new(self.inode) }, GFP_KERNEL)?;
            once.populate(new);
        }
        once.as_ref().cloned().ok_or(ENOMEM)
    }

    /// Lets the page cache use large folios, if the kernel has them.
    pub(crate) fn allow_large_folios(&self) {
        // SAFETY: By the type invariant nobody else uses the inode, and so its mapping, yet.
        unsafe { bindings::mapping_set_large_folios(self.inode().mapping().as_ptr()) };
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
        let inode = ManuallyDrop::new(self).inode;
        // SAFETY: By the type invariant the inode is valid, and nobody else uses it. The tables are
        // for its file system type, and for what the mode says it is.
        unsafe {
            let raw = inode.as_ref().as_raw();
            let mapping = (*raw).i_mapping;
            (*raw).i_mode = a.mode;
            inode.as_ref().write_attributes(a);
            (*raw).i_generation = generation;
            ((*raw).i_op, (*raw).__bindgen_anon_3.i_fop) = tables.of(a.mode);
            (*mapping).a_ops = tables.mapping();
            match u32::from(a.mode) & bindings::S_IFMT {
                bindings::S_IFREG | bindings::S_IFDIR => {}
                // The target is read through the page cache and used as a string.
                bindings::S_IFLNK => bindings::inode_nohighmem(raw),
                _ => bindings::init_special_inode(raw, a.mode, rdev),
            }
            // Allocations for a folio happen with it locked. Reclaim would evict inodes, and an
            // eviction waits for the journal, whose users may wait for that folio, and for the
            // cluster.
            let fs = bindings::GFP_KERNEL & !bindings::GFP_NOFS;
            bindings::mapping_set_gfp_mask(mapping, bindings::mapping_gfp_mask(mapping) & !fs);
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
        // SAFETY: `iget_locked` returned a valid inode.
        let state = unsafe { bindings::inode_state_read_once(raw) };
        if state & bindings::inode_state_flags_enum_I_NEW != 0 {
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
        args.align = align_of::<Slot<T>>() as _;
        args.ctor = Some(init_once);
        // Reclaim frees inodes, and the memory control group whose task needs one pays for it.
        let flags = bindings::SLAB_RECLAIM_ACCOUNT | bindings::SLAB_ACCOUNT;
        // SAFETY: The name is static, the size and the constructor match.
        let raw = unsafe {
            bindings::__kmem_cache_create_args(
                T::NAME.as_char_ptr(),
                size_of::<Slot<T>>() as u32,
                &mut args,
                flags,
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

/// `->alloc_inode`, with an initialiser of the private part.
///
/// # Safety
///
/// Called by the VFS with a superblock of type `T` whose `s_fs_info` is set.
pub(in crate::vfs) unsafe fn alloc_inode<T: FileSystem>(
    sb: *mut bindings::super_block,
    data: impl PinInit<T::Inode>,
) -> *mut bindings::inode {
    // SAFETY: By the contract.
    let private = unsafe { SuperBlock::<T>::from_raw(sb) }.private();
    // SAFETY: As above; the cache is for slots of `T`.
    let raw = unsafe { bindings::alloc_inode_sb(sb, private.cache, bindings::GFP_KERNEL) };
    let slot = raw.cast::<Slot<T>>();
    if slot.is_null() {
        return core::ptr::null_mut();
    }
    // SAFETY: The memory is ours, has room for both, and isn't moved until they are dropped in
    // `destroy_inode`.
    unsafe {
        (*slot).backref.as_mut_ptr().write(SetOnce::new());
        pin_init::raw_init((*slot).data.as_mut_ptr(), data);
    }
    private.inodes.get();
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
    // SAFETY: The superblock is there, since this inode counts. Neither this function nor its
    // caller uses it afterwards.
    unsafe {
        let inodes = &raw const SuperBlock::<T>::from_raw((*raw).i_sb).private().inodes;
        InodeCount::put(inodes);
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

/// `->evict_inode`: `before` runs with the page cache as it is, `f` after the cache was truncated.
///
/// # Safety
///
/// Called by the VFS once for an inode that nobody uses.
pub(in crate::vfs) unsafe fn evict_inode<T: FileSystem>(
    raw: *mut bindings::inode,
    before: impl FnOnce(&Inode<T>, &Evicting),
    f: impl FnOnce(&Inode<T>, &Evicting),
) {
    let evicting = Evicting {
        _task: NotThreadSafe,
    };
    // SAFETY: The inode is valid until this function has returned.
    let inode = unsafe { Inode::from_raw(raw) };
    before(inode, &evicting);
    // SAFETY: The inode is being freed, its mapping can't be used by others.
    unsafe { bindings::truncate_inode_pages_final(&mut (*raw).i_data) };
    // SAFETY: By the type invariant of the slot.
    if let Some(backref) = unsafe { (*raw.cast::<Slot<T>>()).backref.assume_init_ref() }.as_ref() {
        backref.clear();
    }
    f(inode, &evicting);
    // SAFETY: What `->evict_inode` has to end with.
    unsafe { bindings::clear_inode(raw) };
}
