// SPDX-License-Identifier: GPL-2.0-only
//! What changes to metadata are made with: a handle, and memory that was allocated before.

use crate::{
    ondisk::{
        base::{features::INCOMPAT_META_ECC, geometry::Geometry},
        volume::block_check,
    },
    vfs::jbd2::{Frozen, Handle, Trigger, Triggers},
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*};

/// Buffers of one block each.
pub(crate) type Spares = KVec<KVec<u8>>;

/// The log of one transaction; see [`Transaction`](crate::txn::Transaction).
pub(crate) struct Log {
    pub(crate) handle: Handle,
    /// For blocks that are made, and for those that have to be read after all.
    pub(crate) spares: Spares,
    /// On a volume with metaecc: what computes a block's check when the journal takes it.
    triggers: Option<&'static Triggers>,
}

impl Log {
    /// Puts the two together.
    pub(crate) fn new(handle: Handle, spares: Spares, geo: &Geometry) -> Self {
        let checked = geo.features.has_incompat(INCOMPAT_META_ECC);
        Self {
            handle,
            spares,
            triggers: checked.then_some(&METAECC),
        }
    }

    /// What [`Handle::change`] takes.
    pub(super) fn triggers(&self) -> Option<&'static Triggers> {
        self.triggers
    }
}

/// Allocates until there are `count` buffers of `size` bytes.
pub(crate) fn fill(spares: &mut Spares, count: usize, size: usize) -> Result {
    let missing = count.saturating_sub(spares.len());
    spares.reserve(missing, GFP_NOFS)?;
    for _ in 0..missing {
        spares.push(KVec::from_elem(0, size, GFP_NOFS)?, GFP_NOFS)?;
    }
    Ok(())
}

static METAECC: Triggers = Triggers::of::<BlockCheck>();

/// Computes the check of a metadata block once, when nothing changes it any more.
struct BlockCheck;

impl Trigger for BlockCheck {
    fn frozen(block: &mut Frozen<'_>) {
        let words = block.words();
        let place = block_check::place_in_words(words, |i| block.word(i));
        if let Some(at) = place {
            let check = block_check::compute(words, at, |i| block.word(i));
            block.set_word(at / 8, check);
        }
    }

    fn lost(blkno: u64) {
        pr_err!("block {blkno}: the journal was aborted before this block was written\n");
    }
}
