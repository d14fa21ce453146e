// SPDX-License-Identifier: GPL-2.0-only
//! Wait queues.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)
//!
//! Unlike a `CondVar`, which belongs to one lock, a wait queue waits for any condition: the waiter
//! is queued first and looks then, so whoever makes the condition true and wakes afterwards is
//! never missed.
//!
//! Not supported: exclusive waiters (so there is no waking of one), polling, freezing.

use kernel::{
    bindings,
    prelude::*,
    static_lock_class,
    task::{might_sleep, MAX_SCHEDULE_TIMEOUT},
    types::Opaque,
};

/// Tasks that wait for something; C: `wait_queue_head_t`.
#[pin_data]
pub(crate) struct WaitQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
}

// SAFETY: The head has a lock of its own.
unsafe impl Send for WaitQueue {}
// SAFETY: As above.
unsafe impl Sync for WaitQueue {}

impl WaitQueue {
    /// A queue that nobody waits in.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            head <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is memory for the head; name and class are static.
                unsafe {
                    bindings::__init_waitqueue_head(
                        slot,
                        c"WaitQueue".as_char_ptr(),
                        static_lock_class!().as_ptr(),
                    )
                }
            }),
        })
    }

    /// Waits until `cond` says so. Sleeps; nothing interrupts it.
    ///
    /// Here as in the others, `cond` is called many times, with the task already marked as
    /// sleeping: it may take spinlocks, but not sleep.
    pub(crate) fn wait(&self, cond: impl FnMut() -> bool) {
        // No signal ends this, and there is no time limit.
        let _ = self.sleep(bindings::TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT, cond);
    }

    /// The same, but a fatal signal ends it: `EINTR`, with `cond` false at that moment.
    pub(crate) fn wait_killable(&self, cond: impl FnMut() -> bool) -> Result {
        self.sleep(bindings::TASK_KILLABLE, MAX_SCHEDULE_TIMEOUT, cond)?;
        Ok(())
    }

    /// The same, but any signal ends it.
    pub(crate) fn wait_interruptible(&self, cond: impl FnMut() -> bool) -> Result {
        self.sleep(bindings::TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT, cond)?;
        Ok(())
    }

    /// Wakes all who wait. From any context.
    pub(crate) fn wake_all(&self) {
        // SAFETY: The head was initialised and is pinned.
        unsafe {
            bindings::__wake_up(
                self.head.get(),
                bindings::TASK_NORMAL,
                0,
                core::ptr::null_mut(),
            )
        };
    }

    /// `Ok(true)`: the condition holds; `Ok(false)`: time is up; `EINTR`.
    fn sleep(&self, state: u32, timeout: c_long, mut cond: impl FnMut() -> bool) -> Result<bool> {
        might_sleep();
        if cond() {
            return Ok(true);
        }
        let entry = Opaque::<bindings::wait_queue_entry>::uninit();
        // SAFETY: `entry` is memory for one, for the current task.
        unsafe { bindings::init_wait_entry(entry.get(), 0) };
        let mut left = timeout;
        let result = loop {
            // SAFETY: Both are initialised; the entry stays in place until `finish_wait` below.
            let signal = unsafe {
                bindings::prepare_to_wait_event(self.head.get(), entry.get(), state as c_int)
            };
            if cond() {
                break Ok(true);
            }
            if signal != 0 {
                break Err(EINTR);
            }
            if left == 0 {
                break Ok(false);
            }
            // SAFETY: May always be called; the task state was set by `prepare_to_wait_event`.
            left = unsafe { bindings::schedule_timeout(left) };
        };
        // SAFETY: As above; afterwards the entry is on no list, and may go.
        unsafe { bindings::finish_wait(self.head.get(), entry.get()) };
        result
    }
}
