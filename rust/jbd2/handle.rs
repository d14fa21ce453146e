// SPDX-License-Identifier: GPL-2.0-only
//! Handles: parts of a transaction.
//!
//! C header: [`include/linux/jbd2.h`](srctree/include/linux/jbd2.h)

use super::{
    journal::{Journal, Tid},
    triggers::Triggers,
};
use crate::vfs::block::buffer_head::BufferHead;
use core::{
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};
use kernel::{bindings, error::to_result, prelude::*, sync::Arc};

/// This task's part of a transaction; C: `handle_t`. Dropping it ends that part.
///
/// It isn't bound to a borrow of the journal, so that what `->write_begin` starts can be boxed and
/// handed to `->write_end`, which the same task calls. It is never sent to another one.
///
/// # Invariants
///
/// `raw` is a handle of `journal` that the current task started and hasn't stopped.
#[must_use = "the transaction ends when this is dropped"]
pub(crate) struct Handle {
    pub(super) raw: NonNull<bindings::handle_t>,
    pub(super) journal: Arc<Journal>,
}

impl Handle {
    /// The transaction's number.
    pub(crate) fn tid(&self) -> Tid {
        // SAFETY: By the type invariant; an open handle keeps its transaction.
        unsafe { (*(*self.raw.as_ptr()).__bindgen_anon_1.h_transaction).t_tid }
    }

    /// How many more blocks this handle may change.
    pub(crate) fn credits_left(&self) -> u32 {
        // SAFETY: By the type invariant the handle is valid.
        unsafe { bindings::jbd2_handle_buffer_credits(self.raw.as_ptr()) }.max(0) as u32
    }

    /// Changes block `bh` as part of the transaction: `edit` puts the bytes that it changes into
    /// the buffer. Takes a credit, unless the transaction has changed the block before. Sleeps, for
    /// a commit that is using the block.
    ///
    /// The caller holds the locks of the file system that protect the block. On an error `edit`
    /// wasn't called, unless the journal was aborted. `EINVAL`: the block isn't the journal's
    /// device's; `EIO`: its content was never read; `ENOSPC`: no credits left; `EROFS`: the journal
    /// is aborted, which it is as well when this fails half way.
    pub(crate) fn change<R>(
        &mut self,
        bh: &BufferHead,
        triggers: Option<&'static Triggers>,
        edit: impl FnOnce(&mut Editor<'_>) -> R,
    ) -> Result<R> {
        self.check(bh)?;
        if !bh.is_valid() {
            return Err(EIO);
        }
        // SAFETY: The handle is valid, so is the buffer, which is of the journal's device.
        to_result(unsafe {
            bindings::jbd2_journal_get_write_access(self.raw.as_ptr(), bh.as_raw())
        })?;
        self.check_credit(bh)?;
        self.set_triggers(bh, triggers);
        let result = edit(&mut Editor { bh });
        self.dirty(bh)?;
        Ok(result)
    }

    /// Like [`Self::change`], of the whole of a block that was just allocated
    /// ([`BufferHead::create`]). `EINVAL` also if `data` isn't as long as the block.
    pub(crate) fn write_new(
        &mut self,
        bh: &BufferHead,
        triggers: Option<&'static Triggers>,
        data: &[u8],
    ) -> Result {
        self.check(bh)?;
        if data.len() != bh.size() {
            return Err(EINVAL);
        }
        // A block that was freed and allocated again while the journal still has the old one: only
        // write access copes with an older transaction's copy.
        if bh.is_journaled() && bh.is_uptodate() {
            return self.change(bh, triggers, |editor| editor.put(0, data));
        }
        {
            let _locked = bh.lock();
            // SAFETY: The handle is valid, so is the buffer, which is locked, as C demands.
            to_result(unsafe {
                bindings::jbd2_journal_get_create_access(self.raw.as_ptr(), bh.as_raw())
            })?;
            self.check_credit(bh)?;
            bh.fill(data)?;
            // SAFETY: The buffer is locked, and its content was just set.
            unsafe { bindings::set_buffer_uptodate(bh.as_raw()) };
        }
        self.set_triggers(bh, triggers);
        self.dirty(bh)
    }

    /// Has the journal call `triggers` when it takes the block.
    fn set_triggers(&mut self, bh: &BufferHead, triggers: Option<&'static Triggers>) {
        if let Some(triggers) = triggers {
            let raw = ptr::from_ref(&triggers.raw).cast_mut();
            // SAFETY: The handle has access to the buffer, which therefore has a journal head. The
            // table is static, and C only reads it.
            unsafe { bindings::jbd2_journal_set_triggers(bh.as_raw(), raw) };
        }
    }

    /// Makes room for `credits` more blocks in this transaction. `false` if it has none: then
    /// [`Self::restart`]. Never waits.
    pub(crate) fn extend(&mut self, credits: u32) -> Result<bool> {
        // SAFETY: The handle is valid.
        match unsafe { bindings::jbd2_journal_extend(self.raw.as_ptr(), credits as c_int, 0) } {
            e if e < 0 => to_result(e).map(|()| false),
            done => Ok(done == 0),
        }
    }

    /// Ends what was changed so far, which is committed whole, and goes on in another transaction
    /// with room for `credits` blocks. Sleeps, also for a commit or a checkpoint.
    ///
    /// What was changed up to here must be complete. On an error the handle can't be used for more
    /// changes; nothing is lost.
    pub(crate) fn restart(&mut self, credits: u32) -> Result {
        // SAFETY: The handle is valid, and this task holds none of its journal's locks.
        to_result(unsafe {
            bindings::jbd2__journal_restart(
                self.raw.as_ptr(),
                credits as c_int,
                0,
                bindings::GFP_NOFS,
            )
        })
    }

    /// What both kinds of writing ask of a block, before anything is touched.
    fn check(&self, bh: &BufferHead) -> Result {
        // SAFETY: By the invariants the journal is valid; both fields are constant.
        let (dev, size) = unsafe {
            (
                (*self.journal.raw).j_fs_dev,
                (*self.journal.raw).j_blocksize,
            )
        };
        if !bh.is_on(dev) || bh.size() != size as usize {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// `ENOSPC` if dirtying `bh`, which this handle has access to, takes a credit that isn't there.
    fn check_credit(&self, bh: &BufferHead) -> Result {
        // SAFETY: Access has put the buffer on a list of this handle's transaction, where its
        // journal head stays while the handle is open. Nobody but this transaction's handles
        // changes the flag now; C, too, looks at it without a lock.
        let modified = unsafe {
            let head: *const bindings::journal_head = (*bh.as_raw()).b_private.cast_const().cast();
            ptr::read_volatile(&raw const (*head).b_modified) != 0
        };
        if modified || self.credits_left() > 0 {
            Ok(())
        } else {
            Err(ENOSPC)
        }
    }

    /// Files a block that this handle has access to, and whose content was changed.
    fn dirty(&mut self, bh: &BufferHead) -> Result {
        // SAFETY: The handle is valid, and has got access to the buffer.
        let done = to_result(unsafe {
            bindings::jbd2_journal_dirty_metadata(self.raw.as_ptr(), bh.as_raw())
        });
        if let Err(e) = done {
            // Memory has a block that the log won't have: nothing may be committed any more.
            self.journal.abort(e);
        }
        done
    }

    /// Ends the handle, and tells what dropping it would not: `EIO` if the journal is aborted, or,
    /// after [`Self::set_sync`], if the commit failed.
    pub(crate) fn stop(self) -> Result {
        let this = ManuallyDrop::new(self);
        // SAFETY: By the type invariant this task started it; it isn't used afterwards.
        let done = to_result(unsafe { bindings::jbd2_journal_stop(this.raw.as_ptr()) });
        // SAFETY: `this` is never dropped, so the reference is moved out once.
        drop(unsafe { ptr::read(&this.journal) });
        done
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this task started it. An error isn't lost: the journal is
        // aborted then, and its next user gets that error.
        unsafe { bindings::jbd2_journal_stop(self.raw.as_ptr()) };
    }
}

/// Where a change of a block goes; see [`Handle::change`].
pub(crate) struct Editor<'a> {
    bh: &'a BufferHead,
}

impl Editor<'_> {
    /// Puts `bytes` into the buffer, from offset `at` on. What is past its end is left out.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bh.put(at, bytes);
    }
}
