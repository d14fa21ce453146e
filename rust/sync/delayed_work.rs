// SPDX-License-Identifier: GPL-2.0-only
//! Delayed work in an `Arc`, which can be brought forward and cancelled.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)
//!
//! `kernel::workqueue` queues such work, but can neither change its timer afterwards nor cancel it.
//! A queue owns one reference to each item in it.
//!
//! Not supported: items that aren't in an `Arc`.

use super::workqueue::OwnedQueue;
use kernel::{
    bindings,
    sync::Arc,
    time::Jiffies,
    workqueue::{HasDelayedWork, WorkItem},
};

/// Has `item` run after `delay`, counted from now, whether it was queued already or not. Doesn't
/// sleep; may be called under spinlocks.
///
/// Not to be called while [`cancel_sync`] waits: C doesn't say then that it queued nothing, and the
/// reference is leaked.
pub(crate) fn schedule<T, const ID: u64>(queue: &OwnedQueue, item: Arc<T>, delay: Jiffies)
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasDelayedWork<T, ID>,
{
    let raw = Arc::into_raw(item);
    // SAFETY: `raw` is valid; by the contract of `HasDelayedWork` its work is the first field of a
    // `struct delayed_work` that was initialised to run `Arc::<T>::run`. If it wasn't pending, the
    // queue becomes the owner of the reference that `into_raw` made.
    let was_pending = unsafe {
        let work = T::raw_get_work(raw.cast_mut());
        bindings::mod_delayed_work_on(
            bindings::wq_misc_consts_WORK_CPU_UNBOUND as i32,
            queue.as_raw(),
            work.cast(),
            delay,
        )
    };
    if was_pending {
        // SAFETY: The queue owns a reference already, so this one is ours still.
        drop(unsafe { Arc::from_raw(raw) });
    }
}

/// Takes `item` out of its queue, or waits until it has run. Sleeps; not to be called by the work
/// itself. Afterwards the queue has no reference to it, unless somebody queued it again.
pub(crate) fn cancel_sync<T, const ID: u64>(item: &Arc<T>)
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasDelayedWork<T, ID>,
{
    let raw = Arc::as_ptr(item);
    // SAFETY: As in `schedule`; the caller's reference keeps the work valid.
    let was_pending = unsafe {
        let work = T::raw_get_work(raw.cast_mut());
        bindings::cancel_delayed_work_sync(work.cast())
    };
    if was_pending {
        // SAFETY: This is the queue's reference, which it gave up: the work won't run.
        drop(unsafe { Arc::from_raw(raw) });
    }
}
