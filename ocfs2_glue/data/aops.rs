// SPDX-License-Identifier: GPL-2.0-only
//! Address space operations.
//!
//! The rule of this file: whatever is called with a folio locked tries for the cluster lock and
//! never waits for it. [`read_folio`](Aops::read_folio) shows the whole way out: unlock, wait,
//! leave a ticket, ask to be called again.

use super::inline::fill;
use crate::{
    cluster::lock::Ticket,
    data::{
        inline, map,
        write::{self, Write},
    },
    lockres::Mode,
    meta::{guards::Held, inode::InodeExt},
    ondisk::inode::dinode::Body,
    vfs::{
        fs::{
            aops::{Operations, ReadFolio, Readahead, WriteBegin, WriteTarget},
            folio::{LockedFolio, NoFolio, Retry, WriteFolio},
            get_block::{read_blocks, FolioOf, GetBlock, Mapped, Purpose},
            super_block::Device,
        },
        trace::{self, RetryOp},
    },
    Inode, Ocfs2,
};
use kernel::prelude::*;

/// For files, and for symlinks, whose target is read as page 0.
pub(crate) struct Aops;

#[vtable]
impl Operations<Ocfs2> for Aops {
    type Write = KBox<Write>;
    type Waited = Ticket;

    fn read_folio(inode: &Inode, folio: LockedFolio) -> ReadFolio<Ticket> {
        match inode.try_shared() {
            // The hold ends when this returns, with I/O still under way: whoever takes the lock
            // away has to lock this folio first, and waits for the I/O with that.
            Some(held) => match read(&held, folio) {
                Ok(()) => ReadFolio::Done,
                Err(e) => ReadFolio::Err(e),
            },
            None => {
                let index = folio.pos() as u64 >> kernel::page::PAGE_SHIFT;
                let unlocked = folio.unlock();
                match inode.ticket(Mode::Pr, &unlocked) {
                    Ok(ticket) => {
                        inode.volume().counters.retry_read_folio.inc();
                        trace::retry(inode.sb().dev(), inode.ino(), index, RetryOp::ReadFolio);
                        ReadFolio::Retry(Retry::after(unlocked, ticket))
                    }
                    Err(e) => ReadFolio::Err(e),
                }
            }
        }
    }

    fn readahead(inode: &Inode, mut batch: Readahead<'_, Ocfs2>) {
        let Some(held) = inode.try_shared() else {
            inode.volume().counters.retry_readahead.inc();
            return;
        };
        match inline::body(&held) {
            Ok(Body::Extents) => batch.read::<Self>(),
            // It is in the dinode, so there is nothing to read ahead. But if it were left to the
            // reader behind, that one would find its ticket used up, by the try above.
            Ok(Body::Inline { .. } | Body::FastSymlink) => {
                while let Some(Ok(_)) = batch.next(|folio| fill(&held, folio)) {}
            }
            _ => {}
        }
    }

    fn write_begin(
        inode: &Inode,
        pos: i64,
        len: usize,
        target: WriteTarget<'_, Ocfs2>,
        wait: NoFolio,
    ) -> WriteBegin<Self::Write, Ticket> {
        match write::begin(inode, pos, len, target, wait) {
            Ok((folio, write)) => WriteBegin::Ready(folio, write),
            Err(e) => WriteBegin::Err(e),
        }
    }

    fn write_end(
        inode: &Inode,
        pos: i64,
        len: usize,
        copied: usize,
        folio: WriteFolio,
        write: Self::Write,
    ) -> Result<usize> {
        write::end(inode, pos, len, copied, folio, write)
    }

    /// jbd2 calls this for the journal during a commit, also after another node died, when the lock
    /// couldn't be acquired anew.
    fn bmap(inode: &Inode, block: u64, wait: &NoFolio) -> Result<Option<u64>> {
        let held = match Held::of_system_file(inode)? {
            Some(held) => held,
            None => inode.lock_shared(wait)?,
        };
        let found = map::blocks(&held, block, 1, Purpose::Read)?;
        Ok(found.map(|mapped| mapped.block))
    }

    #[cfg(GLUE_WRONG_ORDER)]
    fn wait_in_the_wrong_order(inode: &Inode, lie: &NoFolio) -> Result {
        inode.lock_shared(lie).map(drop)
    }
}

impl GetBlock<Ocfs2> for Aops {
    fn map_blocks(
        folio: &FolioOf<'_, Ocfs2>,
        block: u64,
        max: u64,
        why: Purpose,
    ) -> Result<Option<Mapped>> {
        map::blocks(&Held::by_folio(folio), block, max, why)
    }
}

/// Reads a folio, from the dinode or from the device.
fn read(held: &Held<'_>, folio: LockedFolio) -> Result {
    let inode = held.inode();
    if fill(held, &folio)? {
        return Ok(());
    }
    // The generic code turns what is wrong with the map into EIO: look before it does. What is
    // found stays at hand for it.
    let bits = inode.volume().geo.block_bits();
    map::blocks(held, folio.pos() as u64 >> bits, 1, Purpose::Read)?;
    read_blocks::<Ocfs2, Aops>(inode, folio)
}
