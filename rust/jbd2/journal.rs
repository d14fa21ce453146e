// SPDX-License-Identifier: GPL-2.0-only
//! Journals, before and after they are loaded.
//!
//! C header: [`include/linux/jbd2.h`](srctree/include/linux/jbd2.h)

use super::handle::Handle;
use crate::vfs::fs::{inode_ref::InodeRef, super_block::FileSystem};
use core::{
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};
use kernel::{
    bindings,
    error::{from_err_ptr, to_result},
    page::PAGE_SHIFT,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc, UniqueArc,
    },
    time::msecs_to_jiffies,
    warn_on,
};

/// Sequence number of a transaction; C: `tid_t`. Wraps around: compare with [`tid_gt`] only.
pub(crate) type Tid = u32;

/// Whether transaction `a` came after `b`.
pub(crate) fn tid_gt(a: Tid, b: Tid) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

/// `EDEADLK` if this task holds a handle, and so would wait for itself.
fn check_no_handle() -> Result {
    // SAFETY: Reads a field of the current task.
    if unsafe { bindings::journal_current_handle() }.is_null() {
        Ok(())
    } else {
        Err(EDEADLK)
    }
}

/// Warns, once, if this task holds a handle: for functions that wait for other nodes, which no
/// holder of a handle may do.
pub(crate) fn warn_about_handle() {
    static TOLD: Atomic<bool> = Atomic::new(false);
    if check_no_handle().is_err() && !TOLD.xchg(true, Full) {
        warn_on!(true);
    }
}

/// `->j_submit_inode_data_buffers`: begins to write the folios of [`JbdInode::ordered_write`].
///
/// Called by the journal's thread, which holds nothing. The file system's `->writepages` must do
/// without a handle there.
///
/// # Safety
///
/// jbd2 passes an inode on the list of the transaction that is being committed.
unsafe extern "C" fn submit_inode_data(jinode: *mut bindings::jbd2_inode) -> c_int {
    // SAFETY: The inode is alive: it leaves the list before it goes (see `JbdInode`). The range is
    // changed under a lock that isn't ours; C code reads it the same way.
    unsafe {
        let start = ptr::read_volatile(&raw const (*jinode).i_dirty_start_page);
        let end = ptr::read_volatile(&raw const (*jinode).i_dirty_end_page);
        if start >= end {
            return 0;
        }
        bindings::filemap_fdatawrite_range(
            (*(*jinode).i_vfs_inode).i_mapping,
            (start << PAGE_SHIFT) as i64,
            (end << PAGE_SHIFT) as i64 - 1,
        )
    }
}

/// A journal that was found on the device, and that hasn't been replayed. Dropping it leaves the
/// device as it is.
///
/// # Invariants
///
/// `raw` came from `jbd2_journal_init_inode` and is ours; it was never loaded.
pub(crate) struct NewJournal {
    raw: NonNull<bindings::journal_t>,
}

// SAFETY: Nothing in an unloaded journal is tied to a task.
unsafe impl Send for NewJournal {}

impl NewJournal {
    /// Finds the journal in file `inode`, whose blocks are found by `->bmap` of its address space.
    /// Sleeps.
    ///
    /// What memory has of the device is dropped first: jbd2 reads the log through the page cache,
    /// and another node may have written the log since.
    ///
    /// The journal keeps the reference to the inode. `EINVAL`, `EIO`, `EUCLEAN` and others: there
    /// is no journal there that this kernel understands.
    pub(crate) fn init_inode<T: FileSystem>(inode: InodeRef<T>) -> Result<Self> {
        inode.sb().forget_blocks();
        // SAFETY: The inode is valid, and so is its superblock with an open device.
        let raw = from_err_ptr(unsafe { bindings::jbd2_journal_init_inode(inode.as_raw()) })?;
        let raw = NonNull::new(raw).ok_or(EINVAL)?;
        // The journal has taken over the reference: `jbd2_journal_destroy` ends with an `iput`.
        let _ = ManuallyDrop::new(inode);
        // SAFETY: The journal is new, has no thread yet and nobody else knows it, so its fields may
        // be set without `j_state_lock`. Both callbacks have the type that C declares.
        unsafe {
            let journal = raw.as_ptr();
            (*journal).j_flags |= bindings::JBD2_BARRIER as c_ulong;
            (*journal).j_submit_inode_data_buffers = Some(submit_inode_data);
            (*journal).j_finish_inode_data_buffers =
                Some(bindings::jbd2_journal_finish_inode_data_buffers);
        }
        // INVARIANT: It just came from there.
        Ok(Self { raw })
    }

    /// Whether it holds transactions that may not all be in place.
    pub(crate) fn needs_recovery(&self) -> bool {
        // SAFETY: By the type invariant the journal is valid and ours. `j_tail` is the journal
        // superblock's `s_start`, which is zero if and only if the log is empty.
        unsafe { (*self.raw.as_ptr()).j_tail != 0 }
    }

    /// Sets how often a running transaction is committed, in seconds (`j_commit_interval`).
    pub(crate) fn set_commit_interval(&mut self, seconds: u32) {
        let interval = msecs_to_jiffies(seconds.saturating_mul(1000)) as usize;
        // SAFETY: By the type invariant the journal is ours and nobody else uses it yet, so its
        // state lock isn't needed.
        unsafe { (*self.raw.as_ptr()).j_commit_interval = interval };
    }

    /// Replays what is in the log and starts the journal's thread. Sleeps, for long.
    ///
    /// Every block of the volume may have changed after that: what was decoded before isn't valid.
    /// An error of an earlier mount ([`Journal::errno`]) makes the journal refuse handles until
    /// [`Journal::clear_error`].
    pub(crate) fn load(self) -> Result<Arc<Journal>> {
        // The memory first: once the journal is loaded nothing may fail.
        let memory = UniqueArc::new_uninit(GFP_KERNEL)?;
        // SAFETY: By the type invariant it is ours and loaded for the first time.
        to_result(unsafe { bindings::jbd2_journal_load(self.raw.as_ptr()) })?;
        // INVARIANT: It is loaded.
        let raw = ManuallyDrop::new(self).raw.as_ptr();
        Ok(memory.write(Journal { raw }).into())
    }
}

impl Drop for NewJournal {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is ours. It was never loaded, so it still has the abort
        // flag that it was made with, and nothing is written; the error means just that.
        unsafe { bindings::jbd2_journal_destroy(self.raw.as_ptr()) };
    }
}

/// A journal that takes transactions; C: `journal_t`.
///
/// # Invariants
///
/// `raw` is a journal that was loaded and is ours, or null after [`Journal::destroy`].
pub(crate) struct Journal {
    pub(super) raw: *mut bindings::journal_t,
}

// SAFETY: The C side locks its journals; nothing but handles is tied to a task.
unsafe impl Send for Journal {}
// SAFETY: As above.
unsafe impl Sync for Journal {}

impl Journal {
    /// Begins a transaction, or joins the running one, with room for `credits` changed blocks.
    /// Sleeps, also for a commit or a checkpoint, unless this task has a handle already.
    ///
    /// In a task that has one this is the same handle again, and `credits` isn't looked at. The
    /// caller holds no folio lock. `ENOSPC`: more credits than [`Self::max_credits`]; `EROFS`: the
    /// journal was aborted.
    pub(crate) fn start(self: &Arc<Self>, credits: u32) -> Result<Handle> {
        if credits > self.max_credits() {
            return Err(ENOSPC);
        }
        // SAFETY: By the type invariant the journal is valid. A task that has a handle of another
        // journal is told so by C.
        let raw = from_err_ptr(unsafe {
            bindings::jbd2__journal_start(self.raw, credits as i32, 0, 0, bindings::GFP_NOFS, 0, 0)
        })?;
        Ok(Handle {
            // INVARIANT: A handle of this journal, started by this task.
            raw: NonNull::new(raw).ok_or(EINVAL)?,
            journal: self.clone(),
        })
    }

    /// The most credits that one handle can have.
    pub(crate) fn max_credits(&self) -> u32 {
        // SAFETY: By the type invariant the journal is valid; both are constant after it was found.
        let max = unsafe {
            (*self.raw).j_max_transaction_buffers - (*self.raw).j_transaction_overhead_buffers
        };
        max.max(0) as u32
    }

    /// Commits everything, writes it in place and empties the log. Sleeps; new handles wait.
    ///
    /// Afterwards other nodes find on the device what this one changed. `EDEADLK`: this task holds
    /// a handle; `EIO`: the journal is aborted, and what was changed may not be in place.
    pub(crate) fn flush(&self) -> Result {
        check_no_handle()?;
        // SAFETY: By the type invariant the journal is valid. Updates are locked out around the
        // flush, which C asserts, and no handle of this task keeps that from happening.
        to_result(unsafe {
            bindings::jbd2_journal_lock_updates(self.raw);
            let err = bindings::jbd2_journal_flush(self.raw, 0);
            bindings::jbd2_journal_unlock_updates(self.raw);
            err
        })
    }

    /// Whether all that transaction `tid` and those before it changed is in place on the device, so
    /// that a downconvert needs no [`Self::flush`]. Two loads; never waits.
    ///
    /// True of every finished transaction after a flush, and earlier if jbd2 has checkpointed for
    /// reasons of its own. `tid` must be recent: it wraps around after 2^31 transactions.
    pub(crate) fn is_checkpointed(&self, tid: Tid) -> bool {
        // SAFETY: By the type invariant the journal is valid. The number of the oldest transaction
        // in the log only goes up; a stale one makes the answer `false`.
        tid_gt(
            unsafe { ptr::read_volatile(&raw const (*self.raw).j_tail_sequence) },
            tid,
        )
    }

    /// Commits transaction `tid`, unless it was, and waits: the core of fsync(2). Sleeps.
    ///
    /// Returns whether the commit flushes the device's write cache after this call has begun.
    ///
    /// `EDEADLK`: this task holds a handle. `EIO`: the journal is aborted. jbd2 says 0 then: it
    /// calls complete what is neither running nor committing, and an abort discards what runs.
    pub(crate) fn complete(&self, tid: Tid) -> Result<bool> {
        check_no_handle()?;
        // SAFETY: By the type invariant the journal is valid.
        let flushes = unsafe { bindings::jbd2_trans_will_send_data_barrier(self.raw, tid) } != 0;
        // SAFETY: As above.
        to_result(unsafe { bindings::jbd2_complete_transaction(self.raw, tid) })?;
        self.check_aborted()?;
        Ok(flushes)
    }

    /// Commits the running transaction and waits. Sleeps. Errors as for [`Self::complete`].
    pub(crate) fn force_commit(&self) -> Result {
        check_no_handle()?;
        // SAFETY: By the type invariant the journal is valid; C asserts that no handle is held.
        to_result(unsafe { bindings::jbd2_journal_force_commit(self.raw) })?;
        self.check_aborted()
    }

    /// `EIO` if the journal is aborted: changes of this mount may be lost.
    pub(crate) fn check_aborted(&self) -> Result {
        (!self.is_aborted()).then_some(()).ok_or(EIO)
    }

    /// Ends journalling after an error that leaves the volume in doubt, and records it in the
    /// journal's superblock. What isn't committed won't be. Sleeps.
    pub(crate) fn abort(&self, err: Error) {
        // SAFETY: By the type invariant the journal is valid.
        unsafe { bindings::jbd2_journal_abort(self.raw, err.to_errno()) };
    }

    /// Whether the journal was aborted.
    pub(crate) fn is_aborted(&self) -> bool {
        // SAFETY: By the type invariant the journal is valid.
        unsafe { bindings::is_journal_aborted(self.raw) != 0 }
    }

    /// The error that an abort left, in this mount (`EROFS`) or in the journal's superblock by an
    /// earlier one.
    pub(crate) fn errno(&self) -> Result {
        // SAFETY: By the type invariant the journal is valid.
        to_result(unsafe { bindings::jbd2_journal_errno(self.raw) })
    }

    /// Forgets the error of an earlier mount, also on the device, after it was noted elsewhere that
    /// the volume wants a check. Sleeps. `EROFS`: this mount aborted the journal.
    pub(crate) fn clear_error(&self) -> Result {
        // SAFETY: By the type invariant the journal is valid.
        to_result(unsafe { bindings::jbd2_journal_clear_err(self.raw) })?;
        // SAFETY: As above.
        unsafe { bindings::jbd2_journal_update_sb_errno(self.raw) };
        Ok(())
    }

    /// Ends the journal: commits, checkpoints, marks the log empty, drops the inode. Sleeps.
    ///
    /// Only after `Ok` is everything in place and the log empty. `EBUSY`: there are other
    /// references, the last of which will do it when it is dropped. `EDEADLK`: this task holds a
    /// handle. May call `->evict_inode` of the journal's inode.
    pub(crate) fn destroy(this: Arc<Self>) -> Result {
        check_no_handle()?;
        let unique = Arc::into_unique_or_drop(this).ok_or(EBUSY)?;
        Pin::into_inner(unique).end()
    }

    fn end(&mut self) -> Result {
        // INVARIANT: From here on there is none.
        let raw = core::mem::replace(&mut self.raw, ptr::null_mut());
        if raw.is_null() {
            return Ok(());
        }
        // SAFETY: By the type invariant the journal was ours; handles and JBD inodes, which hold
        // references to us, are gone.
        to_result(unsafe { bindings::jbd2_journal_destroy(raw) })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Err(e) = self.end() {
            pr_err!(
                "journal ended with error {}, some of it may not be in place\n",
                e.to_errno()
            );
        }
    }
}
