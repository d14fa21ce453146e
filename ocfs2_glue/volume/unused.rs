// SPDX-License-Identifier: GPL-2.0-only
//! Inodes that other nodes may want to delete, and that nobody here uses.
//!
//! A node that has an inode in memory holds its open lock at PR, and no other node can free the
//! inode's clusters meanwhile. Nothing tells us that another node tries: it asks for the open lock
//! with NOQUEUE, and the DLM sends no blocking ast for that. But it takes the inode lock first. So
//! an inode whose inode lock was taken away and hasn't come back a second later is dropped from
//! memory if only the dcache refers to it, and its open lock with it. One that is open is dropped
//! when it is closed. The same goes for an inode that was found to have no links any more.
//!
//! Runs in the volume's queue, with nothing locked, so that it may evict inodes: the worker that
//! gives an inode lock up mustn't, since eviction waits for it.

use crate::{
    cluster::membership::Cluster,
    vfs::{
        fs::{backref::Backref, folio::NoFolio},
        sync::delayed_work,
    },
    Inode, InodeRef, Ocfs2,
};
use kernel::{
    alloc::flags::GFP_NOFS,
    new_delayed_work, new_mutex,
    prelude::*,
    rbtree::RBTree,
    sync::{Arc, Mutex},
    time::msecs_to_jiffies,
    workqueue::{impl_has_delayed_work, DelayedWork, WorkItem},
};

/// How long an inode lock may be away before its inode counts as unused.
const AWAY_MS: u32 = 1000;

/// Inodes to look at, of one volume.
#[pin_data]
pub(crate) struct Unused {
    #[pin]
    noted: Mutex<Noted>,
    #[pin]
    work: DelayedWork<Self>,
    cluster: Arc<Cluster>,
    /// Whether an inode whose lock was away is used again.
    is_back: fn(&Inode) -> bool,
}

struct Noted {
    /// By inode number. An inode that is gone by then is no entry that counts.
    inodes: RBTree<u64, Arc<Backref<Ocfs2>>>,
    stopped: bool,
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Unused { self.work }
}

impl Unused {
    /// Knows of none.
    pub(crate) fn new(cluster: &Arc<Cluster>, is_back: fn(&Inode) -> bool) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                noted <- new_mutex!(
                    Noted { inodes: RBTree::new(), stopped: false },
                    "ocfs2_glue_unused"
                ),
                work <- new_delayed_work!("ocfs2_glue_unused"),
                cluster: cluster.clone(),
                is_back,
            }),
            GFP_KERNEL,
        )
    }

    /// Notes that another node may want to delete `inode`. Allocates; without memory the inode
    /// isn't noted, and stays until memory is reclaimed. For the downconvert worker as well.
    pub(crate) fn note(self: &Arc<Self>, inode: &Inode) {
        let Some(backref) = inode.known_backref() else {
            return;
        };
        let mut noted = self.noted.lock();
        if noted.stopped {
            return;
        }
        let first = noted.inodes.is_empty();
        let added = noted
            .inodes
            .try_create_and_insert(inode.ino(), backref, GFP_NOFS);
        if first && added.is_ok() {
            let delay = msecs_to_jiffies(AWAY_MS);
            delayed_work::schedule(&self.cluster.queue, self.clone(), delay);
        }
    }

    /// Ends it, before unmount drops the inodes. Waits for work under way.
    pub(crate) fn stop(self: &Arc<Self>, _wait: &NoFolio) {
        {
            let mut noted = self.noted.lock();
            noted.stopped = true;
        }
        delayed_work::cancel_sync(self);
    }

    fn look(&self) {
        let inodes = core::mem::replace(&mut self.noted.lock().inodes, RBTree::new());
        for backref in inodes.values() {
            // The reference is taken while eviction waits, and used when it needn't any more.
            let inode: Option<InodeRef> = backref.with(Inode::try_get).flatten();
            let Some(inode) = inode else { continue };
            if self.noted.lock().stopped {
                return;
            }
            if !(self.is_back)(&inode) {
                inode.let_go();
                self.cluster.counters.inodes_let_go.inc();
            }
        }
    }
}

impl WorkItem for Unused {
    type Pointer = Arc<Unused>;

    fn run(this: Arc<Unused>) {
        this.look();
    }
}
