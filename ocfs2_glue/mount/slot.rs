// SPDX-License-Identifier: GPL-2.0-only
//! The slot of a volume that is mounted read-write.
//!
//! Mount: claim a slot, lock its journal, replay it, mark it dirty, give back what a crash has left
//! set aside. Unmount goes the other way, and marks the journal clean only after everything in it
//! was found to be in place.

use super::{journal, recovery, slots, system_files};
use crate::{
    cluster::lock::Held,
    meta::{inode::InodeExt, metadata::Meta},
    ondisk::volume::system_inodes::SystemInode,
    vfs::{fs::folio::NoFolio, jbd2::Journal},
    volume::mounted::Mounted,
    InodeRef, SuperBlock,
};
use kernel::{
    new_mutex, new_spinlock,
    prelude::*,
    sync::{Arc, Mutex},
};

/// Makes the volume writable for this node.
pub(crate) fn begin(sb: &SuperBlock, wait: &NoFolio) -> Result<Arc<Mounted>> {
    let claim = slots::claim(sb, wait)?;
    let slot = claim.slot();
    let begun = with_slot(sb, slot, wait);
    if begun.is_err() {
        if let Err(e) = claim.give_back(sb, wait) {
            pr_err!("slot {slot} can't be given back: error {}\n", e.to_errno());
        }
    }
    begun
}

fn with_slot(sb: &SuperBlock, ours: u16, wait: &NoFolio) -> Result<Arc<Mounted>> {
    let journal_inode = system_files::inode(sb, SystemInode::Journal(ours), wait)?;
    let held = journal_inode.lock_exclusive(wait)?;
    let journal = journal::open(sb, &journal_inode, &held, ours)?;
    let held = held.keep()?;
    // From here on locks are given up only after a flush of this journal.
    let volume = crate::volume_of(sb);
    *volume.journal.lock() = Some(journal.clone());
    let begun = with_journal(sb, ours, (journal, journal_inode, held), wait);
    if begun.is_err() {
        // The journal stays marked dirty: the next mount of this slot recovers it.
        volume.forget_journal();
    }
    begun
}

fn with_journal(
    sb: &SuperBlock,
    ours: u16,
    (journal, journal_inode, held): (Arc<Journal>, InodeRef, Held),
    wait: &NoFolio,
) -> Result<Arc<Mounted>> {
    let inode = |which| system_files::inode(sb, which, wait);
    let bitmap = allocator(
        inode(SystemInode::GlobalBitmap)?,
        new_mutex!(Meta::new(), "global_bitmap"),
    )?;
    let inode_alloc = allocator(
        inode(SystemInode::InodeAlloc(ours))?,
        new_mutex!(Meta::new(), "inode_alloc"),
    )?;
    let extent_alloc = allocator(
        inode(SystemInode::ExtentAlloc(ours))?,
        new_mutex!(Meta::new(), "extent_alloc"),
    )?;
    let mounted = Arc::pin_init(
        pin_init!(Mounted {
            number: ours,
            journal,
            journal_inode,
            bitmap,
            inode_alloc,
            extent_alloc,
            journal_held <- new_mutex!(Some(held), "journal_held"),
            spares <- new_spinlock!(KVec::new(), "block_buffers"),
        }),
        GFP_KERNEL,
    )?;
    recovery::recover(sb, &mounted, wait)?;
    Ok(mounted)
}

/// Ends it. Nobody else has a reference any more.
pub(crate) fn end(this: Arc<Mounted>, sb: &SuperBlock, wait: &NoFolio) {
    let slot = this.number;
    if let Err(e) = try_end(this, sb) {
        pr_err!(
            "slot {slot}: unmount failed with error {}; the journal stays dirty\n",
            e.to_errno()
        );
    } else if let Err(e) = slots::release(sb, slot, wait) {
        // As after a crash, but there is nothing to replay: this node finds it again.
        pr_warn!("slot {slot} stays taken: error {}\n", e.to_errno());
    }
}

fn try_end(this: Arc<Mounted>, sb: &SuperBlock) -> Result {
    let (journal, inode) = (this.journal.clone(), this.journal_inode.clone());
    // Kept until the journal is marked clean. Not acquired anew, which isn't possible any more
    // after another node died.
    let kept = this.journal_held.lock().take();
    let held = inode.resume(kept.ok_or(EIO)?)?;
    let flushed = journal.flush();
    // Their locks aren't given up before what they protect is in place.
    let allocators = [&this.bitmap, &this.inode_alloc, &this.extent_alloc].map(Clone::clone);
    drop(this);
    crate::volume_of(sb).forget_journal();
    let ended = Journal::destroy(journal);
    if flushed.and(ended).is_err() {
        journal::replay(&inode)?;
    }
    journal::mark_clean(&held)?;
    drop(held);
    drop((allocators, inode));
    Ok(())
}

/// Gives the inode of an allocator its metadata mutex, which comes from `new_mutex!` at a place of
/// its own, for a lock class of its own.
fn allocator(inode: InodeRef, meta: impl PinInit<Mutex<Meta>>) -> Result<InodeRef> {
    inode.hold_while_changing(meta)?;
    Ok(inode)
}
