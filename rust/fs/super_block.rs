// SPDX-License-Identifier: GPL-2.0-only
//! Superblocks and file system types.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/fs/super_types.h`](srctree/include/linux/fs/super_types.h)
//!
//! Not supported: quotas, freezing.

use super::{
    context as fs_context, dir, export, extents, flock,
    folio::NoFolio,
    inode::{self, Evicting, Inode, OfInode},
    inode_ref::InodeRef,
    xattr,
};
use core::{marker::PhantomData, mem::MaybeUninit};
use kernel::{
    bindings,
    error::{from_result, to_result},
    prelude::*,
    seq_file::SeqFile,
    sync::{Arc, ArcBorrow},
    types::{ForeignOwnable, Opaque},
};

/// `SB_RDONLY` of `srctree/include/linux/fs/super_types.h`.
pub(in crate::vfs) const SB_RDONLY: u32 = 1;
/// `SB_NOSEC` of the same header.
const SB_NOSEC: usize = 1 << 28;

/// A file system, as a rule one that lives on one block device; C: `struct file_system_type` and
/// `struct super_operations`.
pub(crate) trait FileSystem: Sized + Send + Sync + 'static {
    /// Name for `mount -t`.
    const NAME: &'static CStr;
    /// Whether it lives on a block device (`FS_REQUIRES_DEV`). Without one, functions that need
    /// it don't compile.
    const ON_DEVICE: bool = true;
    /// `s_magic`, as statfs(2) shows it.
    const MAGIC: u32;
    /// What the mount options say.
    type Options: Default + Send + 'static;
    /// What a mounted volume is; `s_fs_info`.
    type Super: Send + Sync + 'static;
    /// Operations on directories and their entries.
    type Dir: dir::Operations<Self>;
    /// Attribute operations of all inodes.
    type Attr: dir::Attr<Self>;
    /// File handles.
    type Export: export::Operations<Self>;
    /// flock(2) of files and directories.
    type Flock: flock::Operations<Self>;
    /// Where the data of files is.
    type Extents: extents::Operations<Self>;
    /// Extended attributes.
    type Xattr: xattr::Operations<Self>;
    /// What each inode has besides the VFS's part; allocated with it.
    type Inode: Send + Sync + 'static;
    /// Proof that this task has an inode to itself, on all nodes. What changes size, times and
    /// other attributes in memory asks for it, and gets no other.
    type Exclusive<'a>: OfInode<Self>;
    /// Proof that an inode's attributes are older than another node's, and that this task is the
    /// one to bring them up to date.
    type Refresh<'a>: OfInode<Self>;

    /// Initialises the private part of an inode that was just allocated.
    fn alloc_inode() -> impl PinInit<Self::Inode>;

    /// Takes one mount option, `key` or `key=value`.
    fn parse_param(
        options: &mut Self::Options,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> fs_context::Param;

    /// First half of `fill_super`: looks at the device and makes the private data.
    fn new_super(
        sb: &mut NewSuperBlock<'_, Self>,
        options: Self::Options,
        wait: &NoFolio,
    ) -> Result<Arc<Self::Super>>;

    /// Second half: inodes can be had now. Returns the root directory.
    ///
    /// On an error everything that this function started must have been ended again;
    /// [`FileSystem::put_super`] isn't called.
    fn fill_super(sb: &SuperBlock<Self>, wait: &NoFolio) -> Result<InodeRef<Self>>;

    /// `->put_super`: the last inode is gone.
    fn put_super(sb: &SuperBlock<Self>, wait: &NoFolio);

    /// Runs when nothing of the superblock is left, also where the mount failed half way.
    fn after_kill(data: &Self::Super, wait: &NoFolio);

    /// `->evict_inode`, after the page cache was truncated and before `clear_inode`.
    fn evict_inode(inode: &Inode<Self>, evicting: &Evicting);

    /// `->sync_fs`.
    fn sync_fs(sb: &SuperBlock<Self>, wait: bool) -> Result;

    /// `->statfs`.
    fn statfs(sb: &SuperBlock<Self>, wait: &NoFolio) -> Result<StatFs>;

    /// `->show_options`: what is in force, each option after a comma.
    fn show_options(_sb: &SuperBlock<Self>, _out: &SeqFile) {}

    /// `->remount`: whether the volume may become read-write or read-only now.
    fn reconfigure(sb: &SuperBlock<Self>, read_only: bool, options: &Self::Options) -> Result;
}

/// What statfs(2) is told. Counts are in blocks of `block_size` bytes.
#[derive(Default)]
pub(crate) struct StatFs {
    /// Bytes a block.
    pub(crate) block_size: u32,
    /// Blocks on the volume.
    pub(crate) blocks: u64,
    /// Free blocks.
    pub(crate) free: u64,
    /// Inodes.
    pub(crate) files: u64,
    /// Free inodes.
    pub(crate) files_free: u64,
    /// `f_fsid`.
    pub(crate) fsid: u64,
    /// Longest file name, in bytes.
    pub(crate) name_len: u32,
}

/// A superblock that is being set up: there is no private data yet.
pub(crate) struct NewSuperBlock<'a, T: FileSystem> {
    sb: &'a SuperBlock<T>,
}

impl<'a, T: FileSystem> NewSuperBlock<'a, T> {
    /// Sets the block size that buffers are read with.
    pub(crate) fn set_blocksize(&mut self, bytes: u32) -> Result {
        const { assert!(T::ON_DEVICE) };
        // SAFETY: The superblock is being filled, its device is open, nothing else uses it yet.
        if unsafe { bindings::sb_set_blocksize(self.sb.as_raw(), bytes as i32) } == 0 {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// The superblock itself, for reading blocks; its data may not be asked for yet.
    pub(crate) fn device(&self) -> &'a dyn Device {
        self.sb
    }

    /// Sets the largest file size and the resolution of time stamps (1 ns).
    pub(crate) fn set_limits(&mut self, max_bytes: i64) {
        // SAFETY: The superblock is being filled by this task alone.
        unsafe {
            (*self.sb.as_raw()).s_maxbytes = max_bytes;
            (*self.sb.as_raw()).s_time_gran = 1;
        }
    }

    /// Says that modes change without the VFS's doing, as another node does it: it must not
    /// remember of an inode that there are no privileges to take away (`SB_NOSEC`).
    pub(crate) fn set_modes_change(&mut self) {
        // SAFETY: The superblock is being filled by this task alone.
        unsafe { (*self.sb.as_raw()).s_flags &= !SB_NOSEC };
    }

    /// Has ACLs decide about access (`SB_POSIXACL`). `->create` applies the umask then.
    pub(crate) fn set_posix_acls(&mut self) {
        // SAFETY: The superblock is being filled by this task alone.
        unsafe { (*self.sb.as_raw()).s_flags |= bindings::SB_POSIXACL };
    }

    /// Makes the mount read-only.
    pub(crate) fn set_read_only(&mut self) {
        // SAFETY: The superblock is being filled by this task alone.
        unsafe { (*self.sb.as_raw()).s_flags |= SB_RDONLY as usize };
    }

    /// Whether the mount is read-only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.sb.is_read_only()
    }
}

/// A device with blocks, whether or not it has been mounted yet.
pub(crate) trait Device {
    /// The C superblock, valid while the borrow is.
    fn sb(&self) -> *mut bindings::super_block;

    /// Size in bytes.
    fn bytes(&self) -> u64 {
        // SAFETY: A superblock of a file system with `FS_REQUIRES_DEV` has its device open.
        unsafe { bindings::bdev_nr_bytes((*self.sb()).s_bdev) }
    }

    /// `s_dev`, as tracepoints show it.
    fn dev(&self) -> u32 {
        // SAFETY: The superblock is valid, and its device number doesn't change.
        unsafe { (*self.sb()).s_dev }
    }

    /// Name for messages and debugfs, as in `s_id`: "vda".
    fn id(&self) -> &CStr {
        // SAFETY: `s_id` is a NUL-terminated array that doesn't change after the device was set.
        unsafe { CStr::from_char_ptr((*self.sb()).s_id.as_ptr()) }
    }
}

/// C: `struct super_block`, with private data of type [`FileSystem::Super`].
///
/// # Invariants
///
/// `s_fs_info` came from `Arc::<T::Super>::into_foreign`, except while it is a
/// [`NewSuperBlock`], and stays until `kill_sb`.
#[repr(transparent)]
pub(crate) struct SuperBlock<T: FileSystem> {
    raw: Opaque<bindings::super_block>,
    _type: PhantomData<T>,
}

// SAFETY: The C side synchronises superblocks; the private data is `Send` and `Sync`.
unsafe impl<T: FileSystem> Send for SuperBlock<T> {}
// SAFETY: As above.
unsafe impl<T: FileSystem> Sync for SuperBlock<T> {}

impl<T: FileSystem> Device for SuperBlock<T> {
    fn sb(&self) -> *mut bindings::super_block {
        const { assert!(T::ON_DEVICE) };
        self.as_raw()
    }
}

impl<T: FileSystem> SuperBlock<T> {
    /// Borrows a C superblock.
    ///
    /// # Safety
    ///
    /// `raw` is a superblock of file system type `T`, valid for `'a`.
    pub(in crate::vfs) unsafe fn from_raw<'a>(raw: *mut bindings::super_block) -> &'a Self {
        // SAFETY: `Self` is transparent over the C struct; the rest is the caller's contract.
        unsafe { &*raw.cast() }
    }

    /// The C superblock.
    pub(crate) fn as_raw(&self) -> *mut bindings::super_block {
        self.raw.get()
    }

    /// The private data.
    pub(crate) fn data(&self) -> &T::Super {
        // SAFETY: By the type invariant; the reference is dropped in `kill_sb`, after which there
        // is no superblock to borrow from.
        let data: ArcBorrow<'_, T::Super> =
            unsafe { <Arc<T::Super> as ForeignOwnable>::borrow((*self.as_raw()).s_fs_info) };
        // SAFETY: The value lives as long as that reference, which is longer than `self`.
        unsafe { &*core::ptr::from_ref(&*data) }
    }

    /// Whether the mount is read-only at this moment.
    pub(crate) fn is_read_only(&self) -> bool {
        // SAFETY: The superblock is valid; the flags word may be read at any time.
        unsafe { bindings::sb_rdonly(self.as_raw()) }
    }

    /// Zeroes blocks on the device and waits. Units: blocks of the file system.
    pub(crate) fn zeroout(&self, block: u64, count: u64) -> Result {
        const { assert!(T::ON_DEVICE) };
        // SAFETY: The device is open as long as the superblock lives.
        to_result(unsafe {
            bindings::sb_issue_zeroout(self.as_raw(), block, count, bindings::GFP_NOFS)
        })
    }

    /// Writes back what memory has of the device's blocks and drops it, but for blocks in use.
    /// Sleeps.
    ///
    /// While anybody has the device open, a heartbeat say, they outlive mounts, and other nodes
    /// have written to the device since.
    pub(in crate::vfs) fn forget_blocks(&self) {
        const { assert!(T::ON_DEVICE) };
        // SAFETY: As above; the file system has the device open. An error of an earlier write was
        // reported to who made it, but would be told once more to the next who syncs: a replay.
        unsafe {
            bindings::sync_blockdev((*self.as_raw()).s_bdev);
            bindings::invalidate_bdev((*self.as_raw()).s_bdev);
        }
    }

    /// Flushes the device's write cache and waits.
    pub(crate) fn flush_device(&self) -> Result {
        const { assert!(T::ON_DEVICE) };
        // SAFETY: As above.
        to_result(unsafe { bindings::blkdev_issue_flush((*self.as_raw()).s_bdev) })
    }
}

/// C callbacks for [`FileSystem`].
pub(in crate::vfs) struct Tables<T>(PhantomData<T>);

impl<T: FileSystem> Tables<T> {
    const SUPER_OPERATIONS: bindings::super_operations = bindings::super_operations {
        alloc_inode: Some(inode::alloc_inode::<T>),
        destroy_inode: Some(inode::destroy_inode::<T>),
        free_inode: Some(inode::free_inode::<T>),
        evict_inode: Some(inode::evict_inode::<T>),
        put_super: Some(Self::put_super),
        sync_fs: Some(Self::sync_fs),
        statfs: Some(Self::statfs),
        show_options: Some(Self::show_options),
        // SAFETY: All-zero is a valid table: every member is an optional function.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// # Safety
    ///
    /// Called by `get_tree_bdev` or `get_tree_nodev` with a new superblock and the context that it is made for.
    pub(in crate::vfs) unsafe extern "C" fn fill_super(
        raw: *mut bindings::super_block,
        fc: *mut bindings::fs_context,
    ) -> c_int {
        from_result(|| {
            if !T::ON_DEVICE {
                // Or there would be no readahead, and nothing would come of fadvise.
                // SAFETY: By the contract; the VFS gives it back with the superblock.
                to_result(unsafe { bindings::super_setup_bdi(raw) })?;
            }
            // SAFETY: By the contract; `s_fs_info` isn't asked for before it is set below.
            let sb = unsafe { SuperBlock::<T>::from_raw(raw) };
            // SAFETY: mount(2) holds no folio lock.
            let wait = unsafe { NoFolio::at_entry() };
            // SAFETY: The context was made by `fs_context::init` of the same `T`.
            let options = unsafe { fs_context::take_options::<T>(fc) };
            let data = T::new_super(&mut NewSuperBlock { sb }, options, &wait)?;
            // SAFETY: The superblock is ours alone until it is filled.
            unsafe {
                if !T::ON_DEVICE {
                    (*raw).s_blocksize = kernel::page::PAGE_SIZE;
                    (*raw).s_blocksize_bits = kernel::page::PAGE_SHIFT as u8;
                }
                (*raw).s_magic = T::MAGIC as usize;
                (*raw).s_op = &Self::SUPER_OPERATIONS;
                (*raw).s_export_op = export::Callbacks::<T, T::Export>::OPERATIONS;
                (*raw).s_xattr = xattr::Callbacks::<T, T::Xattr>::HANDLERS;
                bindings::set_default_d_op(raw, &dir::Callbacks::<T, T::Dir>::DENTRY);
                // INVARIANT: Here `s_fs_info` gets its value.
                (*raw).s_fs_info = data.into_foreign();
            }
            let root = T::fill_super(sb, &wait)?;
            // SAFETY: `d_make_root` takes over the reference, whether it succeeds or not.
            let dentry = unsafe { bindings::d_make_root(root.into_raw()) };
            if dentry.is_null() {
                T::put_super(sb, &wait);
                return Err(ENOMEM);
            }
            // SAFETY: As above; the root is what makes the superblock complete.
            unsafe { (*raw).s_root = dentry };
            Ok(0)
        })
    }

    unsafe extern "C" fn kill_sb(raw: *mut bindings::super_block) {
        // SAFETY: The VFS passes a superblock of this type, which it shuts down.
        let info = unsafe { (*raw).s_fs_info };
        // SAFETY: This is what `->kill_sb` is for; the superblock has a block device or not.
        unsafe {
            if T::ON_DEVICE {
                bindings::kill_block_super(raw);
            } else {
                bindings::kill_anon_super(raw);
            }
        }
        if !info.is_null() {
            // SAFETY: The value came from `into_foreign`, and nobody can reach it now: inodes and
            // dentries are gone.
            let data = unsafe { <Arc<T::Super> as ForeignOwnable>::from_foreign(info) };
            // SAFETY: mount(2), which may have failed, and umount(2) hold no folio lock.
            T::after_kill(&data, &unsafe { NoFolio::at_entry() });
        }
    }

    unsafe extern "C" fn put_super(raw: *mut bindings::super_block) {
        // SAFETY: `->put_super` is called for superblocks that were filled; umount(2) holds no
        // folio lock.
        let (sb, wait) = unsafe { (SuperBlock::<T>::from_raw(raw), NoFolio::at_entry()) };
        T::put_super(sb, &wait);
    }

    unsafe extern "C" fn sync_fs(raw: *mut bindings::super_block, wait: c_int) -> c_int {
        // SAFETY: `->sync_fs` is called for superblocks that were filled.
        let sb = unsafe { SuperBlock::<T>::from_raw(raw) };
        from_result(|| T::sync_fs(sb, wait != 0).map(|()| 0))
    }

    unsafe extern "C" fn show_options(
        seq: *mut bindings::seq_file,
        root: *mut bindings::dentry,
    ) -> c_int {
        // SAFETY: The VFS passes its own `seq_file`, which nobody else uses during the call, and a
        // dentry of a superblock that was filled.
        let (out, sb) = unsafe {
            (
                SeqFile::from_raw(seq),
                SuperBlock::<T>::from_raw((*root).d_sb),
            )
        };
        T::show_options(sb, out);
        0
    }

    unsafe extern "C" fn statfs(
        dentry: *mut bindings::dentry,
        buf: *mut bindings::kstatfs,
    ) -> c_int {
        // SAFETY: The dentry is valid and of this file system; statfs(2) holds no folio lock.
        let (sb, wait) = unsafe {
            (
                SuperBlock::<T>::from_raw((*dentry).d_sb),
                NoFolio::at_entry(),
            )
        };
        from_result(|| {
            let s = T::statfs(sb, &wait)?;
            // SAFETY: `buf` is valid for writing during the call.
            let buf = unsafe { &mut *buf };
            buf.f_type = T::MAGIC as _;
            buf.f_bsize = s.block_size as _;
            buf.f_blocks = s.blocks;
            buf.f_bfree = s.free;
            buf.f_bavail = s.free;
            buf.f_files = s.files;
            buf.f_ffree = s.files_free;
            buf.f_fsid.val = [s.fsid as i32, (s.fsid >> 32) as i32];
            buf.f_namelen = s.name_len as _;
            Ok(0)
        })
    }
}

/// A registered file system type; dropping it unregisters.
///
/// # Invariants
///
/// While it lives, `fs_type` is registered, and the inodes of its superblocks are in `cache`.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration<T: FileSystem> {
    #[pin]
    fs_type: Opaque<bindings::file_system_type>,
    cache: inode::Cache<T>,
    _type: PhantomData<T>,
}

// SAFETY: Registration is a handle; the C side locks its list of types.
unsafe impl<T: FileSystem> Send for Registration<T> {}
// SAFETY: As above; a shared reference allows nothing.
unsafe impl<T: FileSystem> Sync for Registration<T> {}

impl<T: FileSystem> Registration<T> {
    /// Registers file system type `T`.
    pub(crate) fn new(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            cache: inode::Cache::new()?,
            fs_type <- Opaque::try_ffi_init(|slot: *mut bindings::file_system_type| {
                // SAFETY: `slot` is memory for the struct, all of which is valid as zeros.
                unsafe {
                    slot.write_bytes(0, 1);
                    (*slot).owner = module.as_ptr();
                    (*slot).name = T::NAME.as_char_ptr();
                    if T::ON_DEVICE {
                        (*slot).fs_flags = bindings::FS_REQUIRES_DEV as i32;
                    }
                    (*slot).init_fs_context = Some(fs_context::init::<T>);
                    (*slot).kill_sb = Some(Tables::<T>::kill_sb);
                }
                // SAFETY: The struct is complete, pinned, and lives until it is unregistered.
                to_result(unsafe { bindings::register_filesystem(slot) })
            }),
            _type: PhantomData,
        })
    }

    /// The inode cache of the file system type that `sb` belongs to.
    ///
    /// # Safety
    ///
    /// `sb` is a superblock of type `T`.
    pub(in crate::vfs) unsafe fn cache(
        sb: *mut bindings::super_block,
    ) -> *mut bindings::kmem_cache {
        // SAFETY: `s_type` is the `fs_type` of a registration of `T`, which lives as long as any
        // superblock of it does (the module can't go before).
        unsafe {
            let fs_type: *const Opaque<bindings::file_system_type> = (*sb).s_type.cast();
            (*kernel::container_of!(fs_type, Self, fs_type))
                .cache
                .as_raw()
        }
    }
}

#[pinned_drop]
impl<T: FileSystem> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant it is registered. `cache` is dropped after this.
        unsafe { bindings::unregister_filesystem(self.fs_type.get()) };
    }
}
