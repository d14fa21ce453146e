// SPDX-License-Identifier: GPL-2.0-only
//! What a volume has while it is mounted read-write: a slot, a journal, allocators.

use crate::{cluster::lock::Held, vfs::jbd2::Journal, InodeRef};
use kernel::{
    prelude::*,
    sync::{Arc, Mutex, SpinLock},
};

/// A volume that can be written.
#[pin_data]
pub(crate) struct Mounted {
    /// Which slot is this node's.
    pub(crate) number: u16,
    pub(crate) journal: Arc<Journal>,
    pub(crate) journal_inode: InodeRef,
    pub(crate) bitmap: InodeRef,
    pub(crate) inode_alloc: InodeRef,
    pub(crate) extent_alloc: InodeRef,
    /// Says to other nodes that this one is alive.
    #[pin]
    pub(crate) journal_held: Mutex<Option<Held>>,
    /// Memory for blocks, kept from one transaction to the next.
    #[pin]
    pub(crate) spares: SpinLock<KVec<KVec<u8>>>,
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
    pub(crate) fn bitmap(&self) -> &InodeRef {
        &self.bitmap
    }

    /// `inode_alloc` of our slot.
    pub(crate) fn inode_alloc(&self) -> &InodeRef {
        &self.inode_alloc
    }

    /// `extent_alloc` of our slot.
    pub(crate) fn extent_alloc(&self) -> &InodeRef {
        &self.extent_alloc
    }
}
