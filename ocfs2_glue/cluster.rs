// SPDX-License-Identifier: GPL-2.0-only
//! This node's membership in the cluster, for one volume.

use crate::{
    lock::LockRes,
    lockres::Policy,
    volume::Debug,
    vfs::{
        stackglue::{Connection, Recovery},
        workqueue::OwnedQueue,
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex,
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
    pub(crate) counters: Arc<Debug>,
    pub(crate) policy: Policy,
    nodes: Arc<Nodes>,
}

/// Hears of nodes that died.
pub(crate) struct Nodes {
    /// A node died that may have had the volume mounted, with a journal that nobody here can
    /// replay: what it had written may be in there. Nothing is granted any more.
    lost: Atomic<i32>,
}

impl Recovery for Nodes {
    fn node_down(&self, node: u32) {
        pr_warn!("node {node} is down; no more locks are granted, unmount this volume\n");
        self.lost.store(1, Relaxed);
    }
}

impl Cluster {
    /// Joins the volume's domain. Sleeps, for up to a minute.
    pub(crate) fn join(
        stack: &[u8],
        name: &[u8],
        uuid: &[u8],
        policy: Policy,
        counters: Arc<Debug>,
    ) -> Result<Arc<Self>> {
        let nodes = Arc::new(Nodes { lost: Atomic::new(0) }, GFP_KERNEL)?;
        let connection = Connection::connect(Some(stack), name, uuid, nodes.clone())?;
        let connection = Arc::new(connection, GFP_KERNEL)?;
        let queue = OwnedQueue::new(c"ocfs2_glue", 0)?;
        Arc::pin_init(
            pin_init!(Self {
                connection <- new_mutex!(Some(connection)),
                queue,
                counters,
                policy,
                nodes,
            }),
            GFP_KERNEL,
        )
    }

    /// The connection, unless it was given up.
    pub(crate) fn connection(&self) -> Result<Arc<Connection<LockRes, Nodes>>> {
        self.connection.lock().clone().ok_or(EIO)
    }

    /// Leaves the domain. Waits until the last lock is gone.
    pub(crate) fn leave(&self) {
        let connection = self.connection.lock().take();
        drop(connection);
    }

    /// Whether the protection that locks give was lost with another node.
    pub(crate) fn is_lost(&self) -> bool {
        self.nodes.lost.load(Relaxed) != 0
    }
}
