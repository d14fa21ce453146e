// SPDX-License-Identifier: GPL-2.0-only
//! The journal of a slot: replay, and the mark that says whether it must be replayed.

use crate::{
    meta::{
        guards::{ExHeld, Held},
        inode::InodeExt,
    },
    ondisk::inode::{
        dinode::{Id1, JOURNAL_DIRTY_FL},
        edit::Edit,
    },
    vfs::jbd2::{Journal, NewJournal},
    InodeRef, SuperBlock,
};
use kernel::{prelude::*, sync::Arc};

/// After an abort: puts in place what was committed before. This node kept the locks on it.
pub(super) fn replay(inode: &InodeRef) -> Result {
    pr_warn!("the journal was aborted; replaying what it holds\n");
    let journal = NewJournal::init_inode(inode.clone())?.load()?;
    journal.flush()?;
    // The error stays noted in the journal's superblock: the next mount asks for fsck.ocfs2.
    Journal::destroy(journal)
}

/// What the dinode of a journal says of it.
#[derive(Clone, Copy)]
enum Mark {
    /// There is nothing in it.
    Clean,
    /// It has to be replayed if its node dies. `recovered`: its node had died, and it just was.
    Dirty { recovered: bool },
}

/// Says that nothing is in the journal any more.
pub(super) fn mark_clean(held: &ExHeld<'_>) -> Result {
    mark(held, Mark::Clean)
}

/// Whether the journal has to be replayed.
fn is_dirty(held: &Held<'_>) -> Result<bool> {
    let mut meta = held.inode().meta();
    let (_, root) = meta.read(held)?;
    match root.dinode.id1 {
        Id1::Journal { flags, .. } => Ok(flags & JOURNAL_DIRTY_FL != 0),
        _ => Err(EUCLEAN),
    }
}

/// Writes the mark. The generation counts recoveries: a node that finds another number than it
/// remembers knows that somebody else recovered this slot, and leaves it alone. It would wait for
/// the lock on the journal of a live node otherwise, for ever.
fn mark(held: &ExHeld<'_>, mark: Mark) -> Result {
    let mut meta = held.inode().meta();
    let (_, root) = meta.read(held)?;
    let Id1::Journal {
        flags,
        recovery_generation,
    } = root.dinode.id1
    else {
        return Err(EUCLEAN);
    };
    let (flags, generation) = match mark {
        Mark::Clean => (flags & !JOURNAL_DIRTY_FL, recovery_generation),
        Mark::Dirty { recovered } => (
            flags | JOURNAL_DIRTY_FL,
            recovery_generation.wrapping_add(recovered.into()),
        ),
    };
    meta.write_sync(held, |b| {
        Edit::of(b)
            .journal_flags(flags)
            .journal_recovery_generation(generation);
    })
}

/// Brings the journal of our slot up, and marks it dirty.
pub(super) fn open(
    sb: &SuperBlock,
    inode: &InodeRef,
    held: &ExHeld<'_>,
    slot: u16,
) -> Result<Arc<Journal>> {
    let recovered = is_dirty(held)?;
    let mut new = NewJournal::init_inode(inode.clone())?;
    match crate::volume_of(sb).settings.commit_s {
        0 => {}
        seconds => new.set_commit_interval(seconds),
    }
    let replay = new.needs_recovery();
    if replay && recovered {
        pr_info!("slot {slot}: replaying the journal\n");
    }
    let journal = new.load()?;
    if replay {
        journal.flush()?;
        // What was read before may have changed.
        inode.forget();
    }
    if let Err(e) = journal.errno() {
        pr_warn!(
            "slot {slot}: an earlier mount stopped with error {}; run fsck.ocfs2\n",
            e.to_errno()
        );
        journal.clear_error()?;
    }
    match mark(held, Mark::Dirty { recovered }) {
        Ok(()) => Ok(journal),
        Err(e) => {
            Journal::destroy(journal)?;
            Err(e)
        }
    }
}
