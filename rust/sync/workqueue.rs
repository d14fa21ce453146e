// SPDX-License-Identifier: GPL-2.0-only
//! Workqueues of one's own.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)
//!
//! Not supported: delayed work. Destroying a queue waits for its work, but not for timers that have
//! yet to queue some, so the kernel crate's `Queue::enqueue_delayed` must not be reached from here;
//! that is why there is no `Deref`.

use core::ptr::NonNull;
use kernel::{bindings, prelude::*};

/// A workqueue that is destroyed when this is dropped, after all work in it was done.
///
/// Work in it may run while memory is reclaimed (it has a rescuer), on any CPU. Dropping sleeps,
/// and must not be done by work in it.
///
/// # Invariants
///
/// `raw` is a workqueue that is ours.
pub(crate) struct OwnedQueue {
    raw: NonNull<bindings::workqueue_struct>,
}

// SAFETY: A workqueue isn't tied to a task.
unsafe impl Send for OwnedQueue {}
// SAFETY: The C side locks workqueues.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Makes one. At most `max_active` pieces of work run at a time; 0 means the kernel's default.
    pub(crate) fn new(name: &CStr, max_active: u16) -> Result<Self> {
        // SAFETY: The format takes one string, which C copies.
        let raw = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags_WQ_MEM_RECLAIM,
                c_int::from(max_active),
                name.as_char_ptr(),
            )
        };
        Ok(Self {
            // INVARIANT: It is new, and nobody else's.
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
        })
    }

    /// Waits for the work that is queued or running now; delayed work counts once its time has come.
    /// Not to be called by work in it.
    pub(crate) fn flush(&self) {
        // SAFETY: By the type invariant it is ours.
        unsafe { bindings::__flush_workqueue(self.raw.as_ptr()) };
    }

    /// The C workqueue, valid while `self` is borrowed.
    pub(in crate::vfs) fn as_raw(&self) -> *mut bindings::workqueue_struct {
        self.raw.as_ptr()
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is ours. No timer will queue work: see the top.
        unsafe { bindings::destroy_workqueue(self.raw.as_ptr()) };
    }
}
