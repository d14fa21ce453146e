// SPDX-License-Identifier: GPL-2.0-only
//! What has to be done before an inode's cluster lock can be given up.
//!
//! Dirty folios and changed metadata exist under EX only, so from PR nothing is written. Other
//! nodes read the disk and not this node's journal, so metadata has to be in its place, not just
//! committed. Neither `i_rwsem` nor `invalidate_lock` is taken: tasks that wait for this very lock
//! may hold them.

use crate::{
    lockres::{Flushed, Level, Mode},
    meta::inode::{Expect, InodeExt},
    Inode,
};
use kernel::prelude::*;

/// Flushes for a downconvert from level `from` to level `to`.
pub(crate) fn inode(inode: &Inode, from: Level, to: Level) -> Flushed {
    let mut written = Ok(());
    if from == Level::Ex {
        written = data(inode);
        if metadata(inode).is_err() {
            // What was committed is in the log alone, and unmounting replays it. A node that got
            // the lock now would change the blocks of before, and the replay undo that.
            return Flushed::NotYet(ABORTED_NS);
        }
    }
    if to == Level::Nl {
        inode.drop_page_cache();
        if let Some(unused) = &inode.volume().unused {
            unused.note(inode);
        }
    }
    match written {
        Ok(()) => Flushed::Done,
        Err(_) => Flushed::Failed,
    }
}

/// Writes dirty folios and waits for them, under the cluster lock they were dirtied under.
pub(crate) fn data(inode: &Inode) -> Result {
    inode.write_and_wait().inspect_err(|e| {
        pr_warn!(
            "inode {}: write back failed with error {}\n",
            inode.ino(),
            e.to_errno()
        );
    })
}

/// How often the worker tries to flush a journal that was aborted: it can't be, until unmount.
const ABORTED_NS: u64 = 1_000_000_000;

/// Checkpoints the journal if it holds changes of this inode. `EROFS` without a journal, `EIO` if
/// it was aborted.
pub(crate) fn metadata(inode: &Inode) -> Result {
    let volume = inode.volume();
    let Some(tid) = inode.data().get_ref().last_change() else {
        return Ok(());
    };
    let journal = volume.journal()?;
    if journal.is_checkpointed(tid) {
        return Ok(());
    }
    volume.counters.journal_flushes.inc();
    journal.flush()
}

/// Whether an inode whose lock was taken away by another node is used here again, and may still
/// have a name.
pub(crate) fn is_back(inode: &Inode) -> bool {
    let Ok(locks) = inode.locks() else {
        return true;
    };
    locks.expect == Expect::System
        || inode.attributes().nlink > 0 && locks.meta.would_grant(Mode::Pr).is_some()
}
