// SPDX-License-Identifier: GPL-2.0-only
//! What a volume has while it is mounted read-write: a slot, a journal, allocators.
//!
//! Mount: claim a slot, lock its journal, replay it, mark it dirty. Unmount goes the other way, and
//! marks the journal clean only after everything in it was found to be in place.

use crate::{
    alloc::Allocator,
    inode::Meta,
    lock::Held,
    lockres::Mode,
    ondisk::{
        dinode::{Id1, JOURNAL_DIRTY_FL},
        dinode_edit::Edit,
        local_alloc::LocalAlloc,
        system_inodes::SystemInode,
    },
    slots::{self, system_inode},
    vfs::{
        folio::NoFolio,
        jbd2::{Handle, Journal, NewJournal},
    },
    Inode, InodeRef, SuperBlock,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

/// A volume that can be written.
#[pin_data]
pub(crate) struct Mounted {
    /// Which slot is this node's.
    number: u16,
    journal: Arc<Journal>,
    journal_inode: InodeRef,
    bitmap: Allocator,
    inode_alloc: Allocator,
    extent_alloc: Allocator,
    /// Says to other nodes that this one is alive.
    #[pin]
    journal_held: Mutex<Option<Held>>,
}

impl Mounted {
    /// This node's slot.
    pub(crate) fn slot(&self) -> u16 {
        self.number
    }

    /// The slot's journal.
    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// `global_bitmap`
    pub(crate) fn bitmap(&self) -> &Allocator {
        &self.bitmap
    }

    /// `inode_alloc` of our slot.
    pub(crate) fn inode_alloc(&self) -> &Allocator {
        &self.inode_alloc
    }

    /// `extent_alloc` of our slot.
    pub(crate) fn extent_alloc(&self) -> &Allocator {
        &self.extent_alloc
    }

    /// Makes one change, of at most `credits` blocks, in a transaction of its own. If `change`
    /// fails half way, nothing of it is ever committed: the journal is aborted.
    pub(crate) fn change<R>(
        &self,
        credits: u32,
        change: impl FnOnce(&mut Handle) -> Result<R>,
    ) -> Result<R> {
        let mut handle = self.journal.start(credits)?;
        let done = change(&mut handle).inspect_err(|e| self.half_done(*e))?;
        handle.stop()?;
        Ok(done)
    }

    /// A transaction was begun that can't be completed: it must never be committed.
    pub(crate) fn half_done(&self, e: Error) {
        pr_err!(
            "slot {}: a change failed half way with error {}\n",
            self.number,
            e.to_errno()
        );
        self.journal.abort(e);
    }

    /// Makes the volume writable for this node.
    pub(crate) fn begin(sb: &SuperBlock, wait: &NoFolio) -> Result<Arc<Self>> {
        let claim = slots::claim(sb, wait)?;
        let slot = claim.slot();
        let begun = Self::with_slot(sb, slot, wait);
        if begun.is_err() {
            if let Err(e) = claim.give_back(sb, wait) {
                pr_err!("slot {slot} can't be given back: error {}\n", e.to_errno());
            }
        }
        begun
    }

    fn with_slot(sb: &SuperBlock, ours: u16, wait: &NoFolio) -> Result<Arc<Self>> {
        let journal_inode = system_inode(sb, SystemInode::Journal(ours), wait)?;
        let held = journal_inode.lock_cluster(Mode::Ex, wait)?;
        let journal = open_journal(sb, &journal_inode, ours, wait)?;
        let inode = |which| system_inode(sb, which, wait);
        let bitmap = Allocator::new(
            inode(SystemInode::GlobalBitmap)?,
            new_mutex!(Meta::new(), "global_bitmap"),
        )?;
        let inode_alloc = Allocator::new(
            inode(SystemInode::InodeAlloc(ours))?,
            new_mutex!(Meta::new(), "inode_alloc"),
        )?;
        let extent_alloc = Allocator::new(
            inode(SystemInode::ExtentAlloc(ours))?,
            new_mutex!(Meta::new(), "extent_alloc"),
        )?;
        Arc::pin_init(
            pin_init!(Self {
                number: ours,
                journal,
                journal_inode,
                bitmap,
                inode_alloc,
                extent_alloc,
                journal_held <- new_mutex!(Some(held), "journal_held"),
            }),
            GFP_KERNEL,
        )
    }

    /// Ends it. Nobody else has a reference any more.
    pub(crate) fn end(this: Arc<Self>, sb: &SuperBlock, wait: &NoFolio) {
        let slot = this.number;
        if let Err(e) = Self::try_end(this, sb) {
            pr_err!(
                "slot {slot}: unmount failed with error {}; the journal stays dirty\n",
                e.to_errno()
            );
        } else if let Err(e) = slots::release(sb, slot, wait) {
            // As after a crash, but there is nothing to replay: this node finds it again.
            pr_warn!("slot {slot} stays taken: error {}\n", e.to_errno());
        }
    }

    fn try_end(this: Arc<Self>, sb: &SuperBlock) -> Result {
        let (journal, inode) = (this.journal.clone(), this.journal_inode.clone());
        // Kept until the journal is marked clean. Not acquired anew, which isn't possible any more
        // after another node died.
        let held = this.journal_held.lock().take();
        let flushed = journal.flush();
        // Their locks aren't given up before what they protect is in place.
        let allocators =
            [&this.bitmap, &this.inode_alloc, &this.extent_alloc].map(|a| a.inode().clone());
        drop(this);
        crate::volume_of(sb).forget_journal();
        let ended = Journal::destroy(journal);
        if flushed.and(ended).is_err() {
            replay_own(&inode)?;
        }
        mark(sb, &inode, Mark::Clean)?;
        drop((allocators, held, inode));
        Ok(())
    }
}

/// After an abort: puts in place what was committed before. This node kept the locks on it.
fn replay_own(inode: &InodeRef) -> Result {
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

/// Whether the journal has to be replayed.
fn is_dirty(inode: &Inode) -> Result<bool> {
    let mut meta = inode.meta();
    let (_, root) = meta.read(inode)?;
    match root.dinode.id1 {
        Id1::Journal { flags, .. } => Ok(flags & JOURNAL_DIRTY_FL != 0),
        _ => Err(EUCLEAN),
    }
}

/// Writes the mark. The generation counts recoveries: a node that finds another number than it
/// remembers knows that somebody else recovered this slot, and leaves it alone. It would wait for
/// the lock on the journal of a live node otherwise, for ever.
fn mark(sb: &SuperBlock, inode: &Inode, mark: Mark) -> Result {
    let mut meta = inode.meta();
    let (_, root) = meta.read(inode)?;
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
    root.block.write_sync(sb, |b| {
        Edit::of(b)
            .journal_flags(flags)
            .journal_recovery_generation(generation);
    })?;
    root.reload(&crate::volume_of(sb).geo)
}

fn open_journal(
    sb: &SuperBlock,
    inode: &InodeRef,
    slot: u16,
    wait: &NoFolio,
) -> Result<Arc<Journal>> {
    let recovered = is_dirty(inode)?;
    let new = NewJournal::init_inode(inode.clone())?;
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
    let ready =
        check_local_alloc(sb, slot, wait).and_then(|()| mark(sb, inode, Mark::Dirty { recovered }));
    match ready {
        Ok(()) => Ok(journal),
        Err(e) => {
            Journal::destroy(journal)?;
            Err(e)
        }
    }
}

/// A window of clusters that a crashed C node had set aside would have to be given back first.
fn check_local_alloc(sb: &SuperBlock, slot: u16, wait: &NoFolio) -> Result {
    let inode = system_inode(sb, SystemInode::LocalAlloc(slot), wait)?;
    let _held = inode.lock_cluster(Mode::Pr, wait)?;
    let geo = &crate::volume_of(sb).geo;
    let mut meta = inode.meta();
    let (_, root) = meta.read(&inode)?;
    let alloc = LocalAlloc::decode(root.block.bytes(), &root.dinode, geo)?;
    if !alloc.is_clean(root.block.bytes()) {
        pr_err!(
            "slot {slot}: local_alloc holds clusters that must be recovered, which isn't \
             supported yet: mount once with ocfs2, or run fsck.ocfs2\n"
        );
        return Err(EROFS);
    }
    Ok(())
}
