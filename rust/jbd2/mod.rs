// SPDX-License-Identifier: GPL-2.0-only
//! Journals of block devices.
//!
//! C header: [`include/linux/jbd2.h`](srctree/include/linux/jbd2.h)
//!
//! One C struct, two types: a [`NewJournal`] was found and may be replayed, a [`Journal`] takes
//! transactions. Neither goes away while a [`Handle`] or a [`JbdInode`] refers to it.
//!
//! Lock order: a handle counts as a lock that this task holds against commits. Cluster locks and
//! allocation semaphores come before it, folio locks after it. Whatever waits for a commit is
//! refused (`EDEADLK`) while this task holds a handle.
//!
//! Not supported: revoke records (a freed metadata block may be used for data only after
//! [`Journal::flush`]), `jbd2_journal_forget`, fast commits, reserved handles, external journal
//! devices.

mod handle;
mod inode;
mod journal;
mod triggers;

pub(crate) use handle::Handle;
pub(crate) use inode::JbdInode;
pub(crate) use journal::{tid_gt, warn_about_handle, Journal, NewJournal, Tid};
pub(crate) use triggers::{Frozen, Trigger, Triggers};
