// SPDX-License-Identifier: GPL-2.0-only
//! Lock status blocks: what a distributed lock manager knows of one lock.
//!
//! C header: [`fs/ocfs2/stackglue.h`](srctree/fs/ocfs2/stackglue.h)
//!
//! Requests and asts change the state in one atomic step each; [`super::stackglue`] says what they
//! mean.
//!
//! Not supported: statistics, `ocfs2_dlm_dump_lksb`.

use super::sync::wait::{new_waitqueue, WaitQueue};
use core::ptr;
use kernel::{
    bindings,
    prelude::*,
    sync::atomic::{Acquire, Atomic, Full, Relaxed},
    types::Opaque,
};

/// What the DLM knows of a lock.
pub(in crate::vfs) mod state {
    /// Nothing; no reference is owned.
    pub(in super::super) const IDLE: u32 = 0;
    /// A new lock was requested.
    pub(in super::super) const NEW: u32 = 1;
    /// The lock is held at some level, and no request is open.
    pub(in super::super) const HELD: u32 = 2;
    /// Another level was requested.
    pub(in super::super) const CONVERT: u32 = 3;
    /// That request is being cancelled: an ast (too late) or an unlock ast (done) follows.
    pub(in super::super) const CANCEL: u32 = 4;
    /// The lock is being given up.
    pub(in super::super) const UNLOCK: u32 = 5;
    /// The DLM failed, and nobody knows whether it has the lock: the object is leaked.
    pub(in super::super) const LOST: u32 = 6;
    /// Flag: a task is in a call about this lock. The DLM's functions may use the lock until they
    /// return, even if asts came meanwhile, so there is one call at a time.
    pub(in super::super) const CALL: u32 = 8;
}
use state::{CALL, IDLE, LOST};

/// A lock status block; C: `struct ocfs2_dlm_lksb`. A part of an object that implements
/// [`super::stackglue::LockCallbacks`].
///
/// # Invariants
///
/// While `state` is neither `IDLE` nor `LOST`, the DLM owns a reference to the object that this is
/// a part of, and `conn` is the connection of the request, which is alive. While it is `LOST`, the
/// reference is leaked.
#[pin_data]
pub(crate) struct Lksb {
    #[pin]
    pub(in crate::vfs) raw: Opaque<bindings::ocfs2_dlm_lksb>,
    state: Atomic<u32>,
    pub(in crate::vfs) conn: Atomic<*mut bindings::ocfs2_cluster_connection>,
    #[pin]
    calls: WaitQueue,
}

// SAFETY: The C struct is the DLM's, which may use it from any thread.
unsafe impl Send for Lksb {}
// SAFETY: All of it is atomic, or touched by C only.
unsafe impl Sync for Lksb {}

impl Lksb {
    /// One that no DLM knows.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: All-zero is a valid struct, and what C starts with.
            raw <- Opaque::ffi_init(|slot: *mut bindings::ocfs2_dlm_lksb| unsafe {
                slot.write_bytes(0, 1)
            }),
            state: Atomic::new(IDLE),
            conn: Atomic::new(ptr::null_mut()),
            calls <- new_waitqueue!("vfs_dlm_calls"),
        })
    }

    /// The state, without the flag.
    pub(in crate::vfs) fn state(&self) -> u32 {
        self.state.load(Acquire) & !CALL
    }

    /// Changes the state as `next` says, and returns the old one; `None` if `next` says nothing.
    /// Whether there is a call stays as it is.
    pub(in crate::vfs) fn shift(&self, next: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        let mut old = self.state.load(Relaxed);
        loop {
            let new = next(old & !CALL)? | (old & CALL);
            match self.state.cmpxchg(old, new, Full) {
                Ok(_) => return Some(old & !CALL),
                Err(now) => old = now,
            }
        }
    }

    /// The same, from one state to another.
    pub(in crate::vfs) fn shift_from(&self, from: u32, to: u32) -> bool {
        self.shift(|now| (now == from).then_some(to)).is_some()
    }

    /// Begins a call that takes the state from `from` to `to`. Waits for another call to end.
    pub(in crate::vfs) fn begin(&self, from: u32, to: u32) -> Result<Call<'_>> {
        loop {
            match self.state.cmpxchg(from, to | CALL, Full) {
                Ok(_) => return Ok(Call { lksb: self }),
                Err(now) if now & CALL != 0 => {
                    self.calls.wait(|| self.state.load(Acquire) & CALL == 0)
                }
                Err(LOST) => return Err(EIO),
                Err(_) => return Err(EBUSY),
            }
        }
    }
}

/// The right to call the DLM about one lock.
#[must_use = "the call is over when this is dropped"]
pub(in crate::vfs) struct Call<'a> {
    lksb: &'a Lksb,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut old = self.lksb.state.load(Relaxed);
        while let Err(now) = self.lksb.state.cmpxchg(old, old & !CALL, Full) {
            old = now;
        }
        self.lksb.calls.wake_all();
    }
}

/// Objects with an [`Lksb`]. Implemented by [`impl_has_lksb!`].
///
/// # Safety
///
/// Both functions go from the object to one and the same field and back.
pub(crate) unsafe trait HasLksb: Sized {
    /// # Safety
    ///
    /// `ptr` points at a valid object.
    unsafe fn raw_get_lksb(ptr: *mut Self) -> *mut Lksb;

    /// # Safety
    ///
    /// `ptr` points at that field of a valid object.
    unsafe fn lksb_container_of(ptr: *mut Lksb) -> *mut Self;
}

/// Says which field of an object is its [`Lksb`].
macro_rules! impl_has_lksb {
    ($(impl HasLksb for $self:ty { self.$field:ident })*) => {$(
        // The unsafe code is this macro's, not its user's.
        #[allow(unsafe_code)]
        // SAFETY: Both name the same field; it compiles only if it is an `Lksb`.
        unsafe impl $crate::vfs::dlm::lksb::HasLksb for $self {
            unsafe fn raw_get_lksb(ptr: *mut Self) -> *mut $crate::vfs::dlm::lksb::Lksb {
                // SAFETY: The caller promises a valid object.
                unsafe { &raw mut (*ptr).$field }
            }

            unsafe fn lksb_container_of(ptr: *mut $crate::vfs::dlm::lksb::Lksb) -> *mut Self {
                // SAFETY: The caller promises that it is that field.
                unsafe { ::kernel::container_of!(ptr, Self, $field) }
            }
        }
    )*};
}
pub(crate) use impl_has_lksb;
