// SPDX-License-Identifier: GPL-2.0-only
//! Mount options and the way to a superblock.
//!
//! C header: [`include/linux/fs_context.h`](srctree/include/linux/fs_context.h)
//!
//! Not supported: binary mount data, `fsconfig` parameters that aren't strings or flags.

use super::super_block::{FileSystem, SuperBlock, Tables, SB_RDONLY};
use core::{marker::PhantomData, mem::MaybeUninit};
use kernel::{bindings, error::from_result, prelude::*, types::ForeignOwnable};

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

struct Context<T>(PhantomData<T>);

impl<T: FileSystem> Context<T> {
    const OPERATIONS: bindings::fs_context_operations = bindings::fs_context_operations {
        free: Some(Self::free),
        parse_param: Some(Self::parse_param),
        get_tree: Some(Self::get_tree),
        reconfigure: Some(Self::reconfigure),
        // SAFETY: All-zero is a valid table: every member is an optional function.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    unsafe extern "C" fn free(fc: *mut bindings::fs_context) {
        // SAFETY: The context is valid, and was made by `init`.
        let private = unsafe { (*fc).fs_private };
        if !private.is_null() {
            // SAFETY: The value came from `into_foreign` in `init`; the context is going away.
            drop(unsafe { <KBox<T::Options> as ForeignOwnable>::from_foreign(private) });
        }
    }

    unsafe extern "C" fn parse_param(
        fc: *mut bindings::fs_context,
        param: *mut bindings::fs_parameter,
    ) -> c_int {
        // SAFETY: Context and parameter are valid during the call, which holds `uapi_mutex`, so
        // the options are borrowed by nobody else.
        let options = unsafe { &mut *(*fc).fs_private.cast::<T::Options>() };
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
        match T::parse_param(options, key.to_bytes(), value.map(CStr::to_bytes)) {
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
                bindings::get_tree_bdev(fc, Some(Tables::<T>::fill_super))
            } else {
                bindings::get_tree_nodev(fc, Some(Tables::<T>::fill_super))
            }
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
                &*(*fc).fs_private.cast::<T::Options>(),
            )
        };
        let read_only = if mask & SB_RDONLY != 0 {
            flags & SB_RDONLY != 0
        } else {
            sb.is_read_only()
        };
        from_result(|| T::reconfigure(sb, read_only, options).map(|()| 0))
    }
}

/// `->init_fs_context`.
///
/// # Safety
///
/// Called by the VFS for file system type `T`.
pub(in crate::vfs) unsafe extern "C" fn init<T: FileSystem>(
    fc: *mut bindings::fs_context,
) -> c_int {
    from_result(|| {
        let options = KBox::new(T::Options::default(), GFP_KERNEL)?;
        // SAFETY: The context is valid and nobody else has it yet.
        unsafe {
            (*fc).fs_private = options.into_foreign();
            (*fc).ops = &Context::<T>::OPERATIONS;
        }
        Ok(0)
    })
}

/// Takes the options out of a context, which keeps defaults.
///
/// # Safety
///
/// `fc` is valid, was initialised by [`init`] for the same `T`, and is locked by the caller.
pub(in crate::vfs) unsafe fn take_options<T: FileSystem>(
    fc: *mut bindings::fs_context,
) -> T::Options {
    // SAFETY: By the contract, `fs_private` holds the options and nobody else uses them.
    core::mem::take(unsafe { &mut *(*fc).fs_private.cast::<T::Options>() })
}
