// SPDX-License-Identifier: GPL-2.0-only
//! Listing directories.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! Not supported: `FILLDIR_FLAG_NOINTR`, more than one entry at a time.

use core::{marker::PhantomData, ptr::NonNull};
use kernel::{bindings, prelude::*};

/// Where `->iterate_shared` puts entries; C: `struct dir_context`.
pub(crate) struct Emitter<'a> {
    raw: NonNull<bindings::dir_context>,
    _context: PhantomData<&'a mut bindings::dir_context>,
}

impl Emitter<'_> {
    /// The context that the VFS passes to `->iterate_shared`.
    ///
    /// # Safety
    ///
    /// `raw` is valid during `'a`, and this task's own.
    pub(in crate::vfs) unsafe fn from_raw(raw: *mut bindings::dir_context) -> Self {
        Self {
            // SAFETY: By the contract.
            raw: unsafe { NonNull::new_unchecked(raw) },
            _context: PhantomData,
        }
    }

    /// Position, in bytes of the directory as the format has it.
    pub(crate) fn pos(&self) -> i64 {
        // SAFETY: The context is valid during the operation.
        unsafe { self.raw.as_ref() }.pos
    }

    /// Sets where the next call goes on.
    pub(crate) fn set_pos(&mut self, pos: i64) {
        // SAFETY: As above, and this task's own.
        unsafe { self.raw.as_mut() }.pos = pos;
    }

    /// Hands one entry over; `false` if the buffer is full. `kind` is a `DT_` value. May fault in
    /// user memory: no lock that a page fault takes may be held.
    pub(crate) fn emit(&mut self, name: &[u8], ino: u64, kind: u8) -> bool {
        // SAFETY: The context is valid, the name is copied before this returns.
        unsafe {
            bindings::dir_emit(
                self.raw.as_ptr(),
                name.as_ptr().cast(),
                name.len() as c_int,
                ino,
                kind.into(),
            )
        }
    }
}
