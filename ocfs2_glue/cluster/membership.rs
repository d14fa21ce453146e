// SPDX-License-Identifier: GPL-2.0-only
//! This node's membership in the cluster, for one volume.

use crate::{
    cluster::lock::{Lock, LockRes},
    lockres::Policy,
    vfs::{
        counters::Counters,
        dlm::stackglue::{Connection, Recovery},
        fs::folio::NoFolio,
        sync::workqueue::OwnedQueue,
    },
};
use kernel::{
    alloc::flags::GFP_NOFS,
    new_mutex, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed},
        Arc, Mutex, SpinLock,
    },
};

/// What all locks of a volume share.
#[pin_data]
pub(crate) struct Cluster {
    /// Gone after unmount. The mutex isn't held during requests.
    #[pin]
    connection: Mutex<Option<Arc<Connection<LockRes, Nodes>>>>,
    /// Where downconverts run.
    pub(crate) queue: OwnedQueue,
    pub(crate) counters: Arc<Counters>,
    pub(crate) policy: Policy,
    /// `s_dev` of the volume, for tracepoints.
    pub(crate) dev: u32,
    nodes: Arc<Nodes>,
    /// Locks of inodes that left memory while their metadata was in an aborted journal's log only.
    #[pin]
    withheld: Mutex<KVec<Lock>>,
}

/// Hears of nodes that died.
///
/// A node that is gone may have unmounted before, or had the volume mounted: then what it wrote
/// may be in a journal that nobody here can replay. The slot map says which; the next task that
/// acquires a lock reads it.
#[pin_data]
pub(crate) struct Nodes {
    /// One of `FINE`, `SUSPECT`, `LOST`.
    state: Atomic<u32>,
    /// Bits of the nodes that went down and weren't looked up yet.
    #[pin]
    down: SpinLock<[u64; NODE_WORDS]>,
}

/// All nodes that are in the slot map live.
const FINE: u32 = 0;
/// Some node went down; whether it had a slot isn't known.
const SUSPECT: u32 = 1;
/// A node died with a slot. Nothing is granted any more.
const LOST: u32 = 2;

/// Node numbers are below 255 (`O2NM_MAX_NODES`, `DLM_MAX_NODES`); others count as the last.
const NODE_WORDS: usize = 4;

impl Recovery for Nodes {
    fn node_down(&self, node: u32) {
        let bit = (node as usize).min(NODE_WORDS * 64 - 1);
        if let Some(word) = self.down.lock().get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
        let _ = self.state.cmpxchg(FINE, SUSPECT, Full);
    }
}

impl Nodes {
    fn is_down(&self, node: u32) -> bool {
        let bit = (node as usize).min(NODE_WORDS * 64 - 1);
        self.down
            .lock()
            .get(bit / 64)
            .is_some_and(|word| word >> (bit % 64) & 1 != 0)
    }
}

impl Cluster {
    /// Joins the volume's domain. Sleeps, for up to a minute.
    pub(crate) fn join(
        stack: &[u8],
        name: &[u8],
        uuid: &[u8],
        policy: Policy,
        counters: Arc<Counters>,
        dev: u32,
    ) -> Result<Arc<Self>> {
        let nodes = Arc::pin_init(
            pin_init!(Nodes {
                state: Atomic::new(FINE),
                down <- new_spinlock!([0; NODE_WORDS], "ocfs2_glue_nodes"),
            }),
            GFP_KERNEL,
        )?;
        let connection = Connection::connect(Some(stack), name, uuid, nodes.clone())?;
        let connection = Arc::new(connection, GFP_KERNEL)?;
        let queue = OwnedQueue::new(c"ocfs2_glue", 0)?;
        Arc::pin_init(
            pin_init!(Self {
                connection <- new_mutex!(Some(connection)),
                queue,
                counters,
                policy,
                dev,
                nodes,
                withheld <- new_mutex!(KVec::new()),
            }),
            GFP_KERNEL,
        )
    }

    /// The connection, unless it was given up.
    pub(crate) fn connection(&self) -> Result<Arc<Connection<LockRes, Nodes>>> {
        self.connection.lock().clone().ok_or(EIO)
    }

    /// Keeps `lock` until this node leaves. `ENOMEM`.
    pub(crate) fn withhold(&self, lock: Arc<LockRes>) -> Result {
        self.withheld.lock().push(Lock::Cluster(lock), GFP_NOFS)?;
        Ok(())
    }

    /// Leaves the domain. Waits until the last lock is gone.
    pub(crate) fn leave(&self, wait: &NoFolio) {
        let withheld = core::mem::take(&mut *self.withheld.lock());
        for lock in &withheld {
            lock.shut_down(wait);
        }
        let connection = self.connection.lock().take();
        drop(connection);
    }

    /// Whether no node went down that somebody has to look up first.
    pub(crate) fn is_fine(&self) -> bool {
        self.nodes.state.load(Acquire) == FINE
    }

    /// Whether what locks protect was lost with another node.
    pub(crate) fn is_lost(&self) -> bool {
        self.nodes.state.load(Relaxed) == LOST
    }

    /// Makes sure that no node died with a slot, before what a lock protects is used.
    ///
    /// `has_slot` says whether a node for which its argument is true is in the slot map; it reads
    /// the disk, and is asked only after a node went down.
    ///
    /// # Errors
    ///
    /// `EIO` if one did; errors of reading.
    pub(crate) fn check_nodes(
        &self,
        has_slot: impl FnOnce(&dyn Fn(u32) -> bool) -> Result<bool>,
    ) -> Result {
        match self.nodes.state.load(Acquire) {
            FINE => return Ok(()),
            LOST => return Err(EIO),
            _ => {}
        }
        // Before the look at the disk: whoever goes down after it makes this `SUSPECT` again.
        let seen = *self.nodes.down.lock();
        if has_slot(&|node| self.nodes.is_down(node))? {
            if self.nodes.state.xchg(LOST, Full) != LOST {
                pr_err!(
                    "a node died with the volume mounted, and recovery of another slot isn't \
                     supported yet: no more locks are granted; unmount this volume\n"
                );
            }
            return Err(EIO);
        }
        let mut down = self.nodes.down.lock();
        for (word, seen) in down.iter_mut().zip(seen) {
            *word &= !seen;
        }
        if down.iter().all(|word| *word == 0) {
            let _ = self.nodes.state.cmpxchg(SUSPECT, FINE, Full);
        }
        Ok(())
    }
}
