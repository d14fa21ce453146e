// SPDX-License-Identifier: GPL-2.0-only
//! Mount options and the way to a superblock.
//!
//! C header: [`include/linux/fs_context.h`](srctree/include/linux/fs_context.h)
//!
//! Not supported: binary mount data, `fsconfig` parameters that aren't strings or flags.

use super::{
    dentry,
    file_system::FileSystem,
    folio::NoFolio,
    icache::Cache,
    inode_count::InodeCount,
    inode_ref::InodeRef,
    super_block::{Device, Private, SuperBlock},
    super_operations,
};
use core::{marker::PhantomData, mem::MaybeUninit};
use kernel::{
    bindings, build_error,
    error::{from_result, to_result, VTABLE_DEFAULT_ERROR},
    prelude::*,
    sync::Arc,
    types::{ForeignOwnable, Opaque},
};

/// C: `struct fs_context_operations`, for file system `T`. `->get_tree` is made of two halves,
/// [`Operations::new_super`] and [`Operations::fill_super`].
#[vtable]
pub(crate) trait Operations<T: FileSystem> {
    /// What the mount options say; `fs_private`.
    type Options: Default + Send + 'static;
    /// `s_op`
    type Super: super_operations::Operations<T>;
    /// `s_d_op`
    type Dentry: dentry::Operations<T>;

    /// `->parse_param`: takes one mount option, `key` or `key=value`.
    fn parse_param(_options: &mut Self::Options, _key: &[u8], _value: Option<&[u8]>) -> Param {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// First half: looks at the device and makes the private data.
    fn new_super(
        sb: &mut NewSuperBlock<'_, T>,
        options: Self::Options,
        wait: &NoFolio,
    ) -> Result<Arc<T::Super>>;

    /// Second half: inodes can be had now. Returns the root directory.
    ///
    /// On an error everything that this function started must have been ended again;
    /// `->put_super` isn't called.
    fn fill_super(sb: &SuperBlock<T>, wait: &NoFolio) -> Result<InodeRef<T>>;

    /// `->reconfigure`: whether the volume may become read-write or read-only now.
    fn reconfigure(_sb: &SuperBlock<T>, _read_only: bool, _options: &Self::Options) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// What a file system says of a mount option.
pub(crate) enum Param {
    /// It was taken.
    Taken,
    /// It isn't one of ours. The VFS tries its own, then names it in an error.
    Unknown,
    /// It was taken and changes nothing, which the log says with the reason.
    NoEffect(&'static str),
    /// It is ours and can't be kept. The log names it with the reason; the mount fails.
    Refused(&'static str),
    /// It is ours, and can't have this value, or lacks one. It is named in an error.
    BadValue,
}

/// An option's value as a number of at most `max`.
pub(crate) fn number(value: &[u8], max: u32) -> Option<u32> {
    let number = core::str::from_utf8(value).ok()?.parse().ok()?;
    (number <= max).then_some(number)
}

/// `-ENOPARAM`; the VFS turns it into "Unknown parameter".
const ENOPARAM: c_int = bindings::ENOPARAM as c_int;

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

    /// The superblock itself, for reading blocks; it has no private data yet.
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

    /// Says that another node may change modes, which the VFS doesn't see: it must not remember
    /// that an inode has no privileges to take away (`SB_NOSEC`).
    pub(crate) fn set_modes_change(&mut self) {
        // SAFETY: The superblock is being filled by this task alone.
        unsafe { (*self.sb.as_raw()).s_flags &= !bindings::SB_NOSEC };
    }

    /// Makes the mount read-only.
    pub(crate) fn set_read_only(&mut self) {
        // SAFETY: The superblock is being filled by this task alone.
        unsafe { (*self.sb.as_raw()).s_flags |= bindings::SB_RDONLY };
    }

    /// Whether the mount is read-only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.sb.is_read_only()
    }
}

/// A file system type that is registered, with the slab cache for its inodes.
#[pin_data]
pub(in crate::vfs) struct FileSystemType<T: FileSystem> {
    #[pin]
    pub(in crate::vfs) raw: Opaque<bindings::file_system_type>,
    pub(in crate::vfs) cache: Cache<T>,
}

/// C callbacks for [`Operations`].
pub(in crate::vfs) struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    const TABLE: bindings::fs_context_operations = bindings::fs_context_operations {
        free: Some(Self::free),
        parse_param: if O::HAS_PARSE_PARAM {
            Some(Self::parse_param)
        } else {
            None
        },
        get_tree: Some(Self::get_tree),
        reconfigure: if O::HAS_RECONFIGURE {
            Some(Self::reconfigure)
        } else {
            None
        },
        // SAFETY: All-zero is a valid table: every member is an optional function.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    const DENTRY: bindings::dentry_operations = dentry::Callbacks::<T, O::Dentry>::TABLE;
    const SUPER: bindings::super_operations = super_operations::Callbacks::<T, O::Super>::TABLE;

    /// `->init_fs_context`: makes the options, with defaults.
    pub(in crate::vfs) unsafe extern "C" fn init(fc: *mut bindings::fs_context) -> c_int {
        from_result(|| {
            let options = KBox::new(O::Options::default(), GFP_KERNEL)?;
            // SAFETY: The VFS passes a valid context, which nobody else has yet.
            unsafe {
                (*fc).fs_private = options.into_foreign();
                (*fc).ops = &Self::TABLE;
            }
            Ok(0)
        })
    }

    unsafe extern "C" fn free(fc: *mut bindings::fs_context) {
        // SAFETY: The context is valid, and was made by `init`.
        let private = unsafe { (*fc).fs_private };
        if !private.is_null() {
            // SAFETY: The value came from `into_foreign` in `init`; the context is going away.
            drop(unsafe { <KBox<O::Options> as ForeignOwnable>::from_foreign(private) });
        }
    }

    unsafe extern "C" fn parse_param(
        fc: *mut bindings::fs_context,
        param: *mut bindings::fs_parameter,
    ) -> c_int {
        // SAFETY: Context and parameter are valid during the call, which holds `uapi_mutex`, so
        // the options are borrowed by nobody else.
        let options = unsafe { &mut *(*fc).fs_private.cast::<O::Options>() };
        // SAFETY: As above; a key is a C string.
        let (key, kind) = unsafe { (CStr::from_char_ptr((*param).key), (*param).type_()) };
        let value = match kind {
            bindings::fs_value_type_fs_value_is_flag => None,
            bindings::fs_value_type_fs_value_is_string => {
                // SAFETY: For this type of value `string` is a C string.
                Some(unsafe { CStr::from_char_ptr((*param).__bindgen_anon_1.string) })
            }
            _ => return -(bindings::EINVAL as c_int),
        };
        match O::parse_param(options, key.to_bytes(), value.map(CStr::to_bytes)) {
            Param::Taken => 0,
            Param::NoEffect(why) => {
                pr_info!("mount option {}: has no effect, {}\n", key, why);
                0
            }
            Param::Refused(why) => {
                pr_err!("mount option {}: refused, {}\n", key, why);
                -(bindings::EINVAL as c_int)
            }
            Param::Unknown => -ENOPARAM,
            Param::BadValue => {
                pr_err!("bad value for mount option {}\n", key);
                -(bindings::EINVAL as c_int)
            }
        }
    }

    unsafe extern "C" fn get_tree(fc: *mut bindings::fs_context) -> c_int {
        // SAFETY: The context is valid; `fill_super` is for superblocks of this type.
        unsafe {
            if T::ON_DEVICE {
                bindings::get_tree_bdev(fc, Some(Self::fill_super))
            } else {
                bindings::get_tree_nodev(fc, Some(Self::fill_super))
            }
        }
    }

    /// # Safety
    ///
    /// Called by `get_tree_bdev` or `get_tree_nodev` with a new superblock and the context that it
    /// is made for.
    unsafe extern "C" fn fill_super(
        raw: *mut bindings::super_block,
        fc: *mut bindings::fs_context,
    ) -> c_int {
        from_result(|| {
            if !T::ON_DEVICE {
                // Or there would be no readahead, and fadvise would do nothing.
                // SAFETY: By the contract; the VFS gives it back with the superblock.
                to_result(unsafe { bindings::super_setup_bdi(raw) })?;
            }
            // SAFETY: By the contract; `s_fs_info` isn't looked at before it is set below.
            let sb = unsafe { SuperBlock::<T>::from_raw(raw) };
            // SAFETY: A superblock without inodes has no folios that this task could hold.
            let wait = unsafe { NoFolio::at_entry() };
            // SAFETY: By the contract, `fs_private` holds the options and nobody else uses them.
            let options = core::mem::take(unsafe { &mut *(*fc).fs_private.cast::<O::Options>() });
            let data = O::new_super(&mut NewSuperBlock { sb }, options, &wait)?;
            let private = KBox::pin_init(
                pin_init!(Private::<T> {
                    data,
                    // SAFETY: By the contract.
                    cache: unsafe { Self::cache(fc) },
                    inodes <- InodeCount::new(),
                }),
                GFP_KERNEL,
            )?;
            // SAFETY: The superblock is ours alone until it is filled.
            unsafe {
                if !T::ON_DEVICE {
                    (*raw).s_blocksize = kernel::page::PAGE_SIZE;
                    (*raw).s_blocksize_bits = kernel::page::PAGE_SHIFT as u8;
                }
                (*raw).s_magic = T::MAGIC as usize;
                (*raw).s_op = &Self::SUPER;
                bindings::set_default_d_op(raw, &Self::DENTRY);
                // INVARIANT: Here `s_fs_info` gets its value.
                (*raw).s_fs_info = private.into_foreign();
            }
            let root = O::fill_super(sb, &wait)?;
            // SAFETY: `d_make_root` takes over the reference, whether it succeeds or not.
            let dentry = unsafe { bindings::d_make_root(root.into_raw()) };
            if dentry.is_null() {
                if <O::Super as super_operations::Operations<T>>::HAS_PUT_SUPER {
                    <O::Super as super_operations::Operations<T>>::put_super(sb, &wait);
                }
                return Err(ENOMEM);
            }
            // SAFETY: As above; the root is what makes the superblock complete.
            unsafe { (*raw).s_root = dentry };
            Ok(0)
        })
    }

    /// The slab cache for inodes of the file system type that a context is for.
    ///
    /// # Safety
    ///
    /// `fc` is a valid context for file system type `T`.
    unsafe fn cache(fc: *mut bindings::fs_context) -> *mut bindings::kmem_cache {
        // SAFETY: The type is the `raw` of a `FileSystemType<T>`, which lives as long as there are
        // contexts and superblocks for it (the module can't go before).
        unsafe {
            let raw: *const Opaque<bindings::file_system_type> = (*fc).fs_type.cast();
            (*kernel::container_of!(raw, FileSystemType<T>, raw))
                .cache
                .as_raw()
        }
    }

    unsafe extern "C" fn reconfigure(fc: *mut bindings::fs_context) -> c_int {
        // SAFETY: For a reconfiguration `root` is a dentry of the mounted superblock.
        let sb = unsafe { SuperBlock::<T>::from_raw((*(*fc).root).d_sb) };
        // SAFETY: The flags are plain words of a valid context; the options are as above.
        let (flags, mask, options) = unsafe {
            (
                (*fc).sb_flags,
                (*fc).sb_flags_mask,
                &*(*fc).fs_private.cast::<O::Options>(),
            )
        };
        let read_only = if mask & bindings::SB_RDONLY as u32 != 0 {
            flags & bindings::SB_RDONLY as u32 != 0
        } else {
            sb.is_read_only()
        };
        from_result(|| O::reconfigure(sb, read_only, options).map(|()| 0))
    }
}
