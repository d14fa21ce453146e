// SPDX-License-Identifier: GPL-2.0-only
//! What a crash of the node that had our slot before has left in the slot's system files.
//!
//! Runs at each mount, after the slot's journal was replayed and before anybody can write. What
//! the in-tree driver calls the local allocation window and the truncate log are clusters that no
//! file has and that the global bitmap calls used. They go back to the bitmap in transactions of
//! our own journal; the slot's files say in the same transaction that they hold them no longer.
//! So a crash in the middle leaves what is still to be done, and the next mount does it.
//!
//! Lock order: the system file's inode lock, then the global bitmap. Nobody but the node that has
//! the slot takes the former, so nobody waits for it with the bitmap held.

use super::system_files;
use crate::{
    meta::{corrupt::Report as _, guards::ExHeld, inode::InodeExt},
    ondisk::{
        alloc::{
            local_alloc::LocalAlloc,
            recover::CREDITS,
            truncate_log::{TruncateLog, TruncateRec},
        },
        base::store::Journaled,
        volume::system_inodes::SystemInode,
    },
    space::allocator::Locked,
    txn::Reserve as _,
    vfs::fs::folio::NoFolio,
    volume::mounted::Mounted,
    SuperBlock,
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*, sync::Arc};

/// Gives back what is left of the window and of the truncate log of our slot.
///
/// # Errors
///
/// `EUCLEAN` for a file that holds what isn't in use, before anything is changed for it; errors of
/// reading, of the journal and of waiting for the cluster.
pub(super) fn recover(sb: &SuperBlock, mounted: &Arc<Mounted>, wait: &NoFolio) -> Result {
    local_alloc(sb, mounted, wait)?;
    truncate_log(sb, mounted, wait)
}

fn local_alloc(sb: &SuperBlock, mounted: &Arc<Mounted>, wait: &NoFolio) -> Result {
    let slot = mounted.slot();
    let inode = system_files::inode(sb, SystemInode::LocalAlloc(slot), wait)?;
    let held = inode.lock_exclusive(wait)?;
    let mut unused = KVec::new();
    let window = {
        let mut meta = inode.meta();
        let (store, root) = meta.plan(&held)?;
        let bytes = store.content(&root.block);
        let geo = &crate::volume_of(sb).geo;
        let window = LocalAlloc::decode(bytes, &root.dinode, geo).on(sb)?;
        if window.is_clean(bytes) {
            return Ok(());
        }
        for run in window.unused(bytes) {
            unused.push(run, GFP_NOFS)?;
        }
        window
    };
    let mut bitmap = Locked::lock(mounted.bitmap(), wait)?;
    bitmap.check_window(inode.ino(), &window)?;
    for run in &unused {
        bitmap.check_used(*run)?;
    }
    let mut txn = mounted.reserve(CREDITS)?;
    txn.change(|log| {
        for run in &unused {
            bitmap.free_clusters(log, *run)?;
        }
        let mut meta = inode.meta();
        let (mut store, root) = meta.change(&held, log)?;
        store.update(&mut root.block, |b| window.clear(b)).on(sb)?;
        root.reload(&store)
    })?;
    txn.end()?;
    let clusters: u32 = unused.iter().map(|run| run.clusters).sum();
    pr_info!("slot {slot}: {clusters} clusters of its local allocation window are free again\n");
    Ok(())
}

fn truncate_log(sb: &SuperBlock, mounted: &Arc<Mounted>, wait: &NoFolio) -> Result {
    let slot = mounted.slot();
    let inode = system_files::inode(sb, SystemInode::TruncateLog(slot), wait)?;
    let held = inode.lock_exclusive(wait)?;
    let (mut records, mut clusters) = (0u32, 0u64);
    while let Some((mut tl, rec)) = last_record(&held)? {
        let mut bitmap = Locked::lock(mounted.bitmap(), wait)?;
        let run = rec.run();
        if let Some(run) = run {
            bitmap.check_used(run)?;
        }
        let mut txn = mounted.reserve(CREDITS)?;
        txn.change(|log| {
            if let Some(run) = run {
                bitmap.free_clusters(log, run)?;
            }
            let mut meta = inode.meta();
            let (mut store, root) = meta.change(&held, log)?;
            store.update(&mut root.block, |b| tl.drop_last(b)).on(sb)
        })?;
        txn.end()?;
        records += 1;
        clusters += run.map_or(0, |run| u64::from(run.clusters));
    }
    if records > 0 {
        pr_info!("slot {slot}: {clusters} clusters of its truncate log are free again ({records} records)\n");
    }
    Ok(())
}

/// The record that is freed next, and the log it is in.
fn last_record(held: &ExHeld<'_>) -> Result<Option<(TruncateLog, TruncateRec)>> {
    let geo = &held.inode().volume().geo;
    let mut meta = held.inode().meta();
    let (store, root) = meta.plan(held)?;
    let bytes = store.content(&root.block);
    let tl = TruncateLog::decode(bytes, &root.dinode, geo).on(held.sb())?;
    let last = tl.last(bytes).on(held.sb())?;
    Ok(last.map(|rec| (tl, rec)))
}
