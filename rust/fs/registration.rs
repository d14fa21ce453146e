// SPDX-License-Identifier: GPL-2.0-only
//! Registering file system types.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! Not supported: what [`super::file_system`] doesn't support.

use super::{
    context::{self, FileSystemType},
    file_system::FileSystem,
    folio::NoFolio,
    icache::Cache,
    super_block::Private,
};
use kernel::{bindings, error::to_result, prelude::*, types::ForeignOwnable, types::Opaque};

/// A registered file system type; dropping it unregisters.
///
/// # Invariants
///
/// While it lives, `fs_type` is registered, and the inodes of its superblocks are in its cache.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration<T: FileSystem> {
    #[pin]
    fs_type: FileSystemType<T>,
}

// SAFETY: Registration is a handle; the C side locks its list of types.
unsafe impl<T: FileSystem> Send for Registration<T> {}
// SAFETY: As above; a shared reference allows nothing.
unsafe impl<T: FileSystem> Sync for Registration<T> {}

impl<T: FileSystem> Registration<T> {
    /// Registers file system type `T`, whose contexts have the operations `O`.
    pub(crate) fn new<O: context::Operations<T>>(
        module: &'static ThisModule,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            fs_type <- try_pin_init!(FileSystemType {
                cache: Cache::new()?,
                raw <- Opaque::try_ffi_init(|slot: *mut bindings::file_system_type| {
                    // SAFETY: `slot` is memory for the struct, all of which is valid as zeros.
                    unsafe {
                        slot.write_bytes(0, 1);
                        (*slot).owner = module.as_ptr();
                        (*slot).name = T::NAME.as_char_ptr();
                        if T::ON_DEVICE {
                            (*slot).fs_flags = bindings::FS_REQUIRES_DEV as i32;
                        }
                        (*slot).init_fs_context = Some(context::Callbacks::<T, O>::init);
                        (*slot).kill_sb = Some(kill_sb::<T>);
                    }
                    // SAFETY: The struct is complete, pinned, and lives until it is unregistered.
                    to_result(unsafe { bindings::register_filesystem(slot) })
                }),
            }? Error),
        })
    }
}

#[cfg(GLUE_KUNIT)]
impl<T: FileSystem> Registration<T> {
    /// The C type, registered while `self` is borrowed.
    pub(in crate::vfs) fn as_raw(&self) -> *mut bindings::file_system_type {
        self.fs_type.raw.get()
    }
}

#[pinned_drop]
impl<T: FileSystem> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant it is registered. The cache is dropped after this.
        unsafe { bindings::unregister_filesystem(self.fs_type.raw.get()) };
    }
}

/// `->kill_sb`.
unsafe extern "C" fn kill_sb<T: FileSystem>(raw: *mut bindings::super_block) {
    // SAFETY: The VFS passes a superblock of this type, which it shuts down.
    let info = unsafe { (*raw).s_fs_info };
    let private: *const Private<T> = info.cast_const().cast();
    // A superblock that got no root isn't given to `->put_super`, which waits for the others.
    // SAFETY: As above; `s_fs_info`, if set, is valid until it is dropped below, and `s_id` is a
    // NUL-terminated array.
    unsafe {
        if !private.is_null() && (*raw).s_root.is_null() {
            (*private)
                .inodes
                .wait(CStr::from_char_ptr((*raw).s_id.as_ptr()));
        }
    }
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
        let private = unsafe { <Pin<KBox<Private<T>>> as ForeignOwnable>::from_foreign(info) };
        if T::HAS_KILL_SB {
            // SAFETY: A superblock without inodes has no folios that this task could hold.
            T::kill_sb(&private.data, &unsafe { NoFolio::at_entry() });
        }
    }
}
