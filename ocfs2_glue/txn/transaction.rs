// SPDX-License-Identifier: GPL-2.0-only
//! One transaction, from what it needs to its end.
//!
//! # Model
//!
//! 1. *Plan*: [`Meta::plan`](crate::meta::metadata::Meta::plan) reads the blocks that will change,
//!    and keeps them. Allocators are found and locked (`space`).
//! 2. *Reserve*: [`Reserve::reserve`] allocates the memory for blocks that will be made, and begins
//!    the handle with its credits. Up to here everything can fail, with nothing changed.
//! 3. *Change*: [`Transaction::change`]. Only the device or the journal can fail now. Then what was
//!    changed half must never be committed, so the journal is aborted, with a line that says why.
//!    What memory shows of the inode (size, times, blocks) is changed last.
//! 4. *End*: [`Transaction::end`], or when it is dropped.
//!
//! Long work is done in parts, after each of which the volume is whole, with
//! [`Transaction::make_room`] between them.

use crate::{
    meta::{
        inode::InodeExt,
        log::{fill, Log, Spares},
    },
    vfs::jbd2::Tid,
    volume::mounted::Mounted,
};
use core::mem;
use kernel::{prelude::*, sync::Arc};

/// Most buffers that are allocated ahead. More blocks than that are only ever changed one after the
/// other, and give their memory back in between.
const MOST_SPARES: u32 = 48;

/// A volume on which transactions are made.
pub(crate) trait Reserve {
    /// Begins a transaction that changes or makes at most `credits` blocks.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `ENOSPC` if that is more than the journal takes at once; `EROFS` if the journal was
    /// aborted.
    fn reserve(&self, credits: u32) -> Result<Transaction>;
}

impl Reserve for Arc<Mounted> {
    fn reserve(&self, credits: u32) -> Result<Transaction> {
        let mut spares = mem::take(&mut *self.spares.lock());
        let geo = &self.bitmap().volume().geo;
        let count = credits.min(MOST_SPARES) as usize;
        let ready = fill(&mut spares, count, geo.block_size());
        let handle = match ready.and_then(|()| self.journal().start(credits)) {
            Ok(handle) => handle,
            Err(e) => {
                put_back(self, spares);
                return Err(e);
            }
        };
        Ok(Transaction {
            log: Some(Log::new(handle, spares, geo)),
            mounted: self.clone(),
        })
    }
}

/// Keeps buffers for the next transaction.
fn put_back(mounted: &Mounted, mut spares: Spares) {
    let mut kept = mounted.spares.lock();
    if kept.len() < spares.len() {
        mem::swap(&mut *kept, &mut spares);
    }
    drop(kept);
    // Of two transactions side by side the smaller's are freed here.
    drop(spares);
}

/// A transaction under way.
#[must_use = "the transaction ends when this is dropped"]
pub(crate) struct Transaction {
    /// `None` once it has ended.
    log: Option<Log>,
    mounted: Arc<Mounted>,
}

impl Transaction {
    /// Makes one change, or a step of one. If `change` fails nothing of the transaction is ever
    /// committed: the journal is aborted.
    pub(crate) fn change<R>(&mut self, change: impl FnOnce(&mut Log) -> Result<R>) -> Result<R> {
        let log = self.log.as_mut().ok_or(EIO)?;
        change(log).inspect_err(|e| {
            pr_err!(
                "slot {}: a change failed half way with error {}: the journal is aborted\n",
                self.mounted.slot(),
                e.to_errno()
            );
            self.mounted.journal().abort(*e);
        })
    }

    /// The transaction's number.
    pub(crate) fn tid(&self) -> Result<Tid> {
        Ok(self.log.as_ref().ok_or(EIO)?.handle.tid())
    }

    /// Has room for `credits` more blocks, in this transaction or, if that has none, in another
    /// one: what was changed so far may then be committed without what follows.
    pub(crate) fn make_room(&mut self, credits: u32) -> Result {
        let handle = &mut self.log.as_mut().ok_or(EIO)?.handle;
        if handle.credits_left() >= credits || handle.extend(credits)? {
            return Ok(());
        }
        handle.restart(credits)
    }

    /// Ends it. `EIO` if the journal was aborted.
    pub(crate) fn end(mut self) -> Result {
        let Log { handle, spares, .. } = self.log.take().ok_or(EIO)?;
        put_back(&self.mounted, spares);
        handle.stop()
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(Log { handle, spares, .. }) = self.log.take() {
            drop(handle);
            put_back(&self.mounted, spares);
        }
    }
}
