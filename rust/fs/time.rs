// SPDX-License-Identifier: GPL-2.0-only
//! Clocks.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use super::inode::Time;
use core::mem::MaybeUninit;
use kernel::bindings;

/// Monotonic time in nanoseconds.
pub(crate) fn monotonic_ns() -> u64 {
    // SAFETY: May be called from any context but NMI.
    unsafe { bindings::ktime_get() as u64 }
}

/// The time of day, as coarse as the kernel stamps inodes.
pub(crate) fn now() -> Time {
    let mut ts = MaybeUninit::<bindings::timespec64>::uninit();
    // SAFETY: The function fills the struct.
    let ts = unsafe {
        bindings::ktime_get_coarse_real_ts64(ts.as_mut_ptr());
        ts.assume_init()
    };
    Time {
        sec: ts.tv_sec,
        nsec: ts.tv_nsec as u32,
    }
}
