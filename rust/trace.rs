// SPDX-License-Identifier: GPL-2.0-only
//! Tracepoints, of system `ocfs2_glue`.
//!
//! C header: `trace_events.h`, next to this file, which says what the fields mean.
//!
//! Each costs a call when it is off; [`lock_event`] not even that, if [`records_lock_events`] is
//! asked first. `dev` is the superblock's `s_dev`, `name` a lock's name as the
//! DLM knows it (of more than 32 bytes the rest isn't shown). From any context.
//!
//! Not supported: hooks that other modules can attach to.

use kernel::prelude::*;

/// The functions of `trace.c`.
mod c {
    use kernel::prelude::*;

    // The lint objects to an empty array in the C struct.
    #[allow(improper_ctypes)]
    #[cfg(CONFIG_TRACEPOINTS)]
    extern "C" {
        #[link_name = "__tracepoint_lock_event"]
        pub(super) static LOCK_EVENT: kernel::bindings::tracepoint;
    }

    extern "C" {
        pub(super) fn ocfs2_glue_trace_would_block(
            dev: u32,
            name: *const u8,
            len: usize,
            level: c_int,
        );
        pub(super) fn ocfs2_glue_trace_bast(dev: u32, name: *const u8, len: usize, level: c_int);
        pub(super) fn ocfs2_glue_trace_acquire(
            dev: u32,
            name: *const u8,
            len: usize,
            level: c_int,
            result: c_int,
            waited: u64,
        );
        pub(super) fn ocfs2_glue_trace_downconvert(
            dev: u32,
            name: *const u8,
            len: usize,
            from: c_int,
            to: c_int,
            result: c_int,
            took: u64,
        );
        pub(super) fn ocfs2_glue_trace_retry(dev: u32, ino: u64, index: u64, op: c_int);
        pub(super) fn ocfs2_glue_trace_lock_event(
            dev: u32,
            name: *const u8,
            len: usize,
            event: u32,
            arg0: u64,
            arg1: u64,
            outcome: u64,
        );
    }
}

/// Which operation is to be called again.
#[derive(Clone, Copy)]
#[repr(i32)]
pub(crate) enum RetryOp {
    /// `->read_folio`
    ReadFolio = 0,
    /// `->readahead`
    Readahead = 1,
    /// `->fault`
    Fault = 2,
    /// `->write_begin`
    WriteBegin = 3,
}

/// A task with a folio locked tried for a lock at `level`, and would have to wait for it.
pub(crate) fn would_block(dev: u32, name: &[u8], level: i32) {
    // SAFETY: The name is read during the call, up to its length.
    unsafe { c::ocfs2_glue_trace_would_block(dev, name.as_ptr(), name.len(), level) };
}

/// Another node waits for a lock at `level`.
pub(crate) fn bast(dev: u32, name: &[u8], level: i32) {
    // SAFETY: As above.
    unsafe { c::ocfs2_glue_trace_bast(dev, name.as_ptr(), name.len(), level) };
}

/// An acquire that was allowed to wait is over, after `waited` nanoseconds.
pub(crate) fn acquire(dev: u32, name: &[u8], level: i32, result: Result, waited: u64) {
    let result = errno(result);
    // SAFETY: As above.
    unsafe { c::ocfs2_glue_trace_acquire(dev, name.as_ptr(), name.len(), level, result, waited) };
}

/// A downconvert is over, after `took` nanoseconds.
pub(crate) fn downconvert(dev: u32, name: &[u8], from: i32, to: i32, result: Result, took: u64) {
    let (ptr, len, result) = (name.as_ptr(), name.len(), errno(result));
    // SAFETY: As above.
    unsafe { c::ocfs2_glue_trace_downconvert(dev, ptr, len, from, to, result, took) };
}

/// An operation on page `index` of inode `ino` returns `AOP_TRUNCATED_PAGE`, or its like.
pub(crate) fn retry(dev: u32, ino: u64, index: u64, op: RetryOp) {
    // SAFETY: Takes numbers only.
    unsafe { c::ocfs2_glue_trace_retry(dev, ino, index, op as c_int) };
}

/// Whether [`lock_event`] is enabled: a branch that is patched when that changes, if the kernel has
/// such branches (`CONFIG_JUMP_LABEL`).
#[inline(always)]
pub(crate) fn records_lock_events() -> bool {
    #[cfg(CONFIG_TRACEPOINTS)]
    // SAFETY: The tracepoint is this module's own, and its key may always be looked at.
    return unsafe {
        kernel::jump_label::static_branch_unlikely!(
            c::LOCK_EVENT,
            kernel::bindings::tracepoint,
            key
        )
    };
    #[cfg(not(CONFIG_TRACEPOINTS))]
    false
}

/// One step of the lock state machine, in its own codes.
pub(crate) fn lock_event(dev: u32, name: &[u8], event: u32, args: [u64; 2], outcome: u64) {
    let [arg0, arg1] = args;
    let (ptr, len) = (name.as_ptr(), name.len());
    // SAFETY: As in `would_block`.
    unsafe { c::ocfs2_glue_trace_lock_event(dev, ptr, len, event, arg0, arg1, outcome) };
}

fn errno(result: Result) -> c_int {
    result.map_or_else(|e| e.to_errno(), |()| 0)
}
