// SPDX-License-Identifier: GPL-2.0-only
//! This node's membership in the cluster, for one volume.

use crate::{
    cluster::{
        lock::{Lock, LockRes},
        members::Members,
    },
    lockres::Policy,
    vfs::{counters::Counters, dlm::stackglue::Connection, fs::folio::NoFolio},
};
use kernel::{
    alloc::flags::GFP_NOFS,
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

/// What all cluster locks of a volume share.
#[pin_data]
pub(crate) struct Cluster {
    /// `None` after unmount. The mutex isn't held during requests.
    #[pin]
    connection: Mutex<Option<Arc<Connection<LockRes, Members>>>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) policy: Policy,
    /// `s_dev` of the volume, for tracepoints.
    pub(crate) dev: u32,
    pub(crate) members: Arc<Members>,
    /// Locks of evicted inodes whose metadata is only in the log of an aborted journal.
    #[pin]
    withheld: Mutex<KVec<Lock>>,
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
        let members = Members::new()?;
        let joined = (|| {
            let connection = Connection::connect(Some(stack), name, uuid, members.clone())?;
            let connection = Arc::new(connection, GFP_KERNEL)?;
            members.set_this_node(connection.this_node()?);
            let members = members.clone();
            Arc::pin_init(
                pin_init!(Self {
                    connection <- new_mutex!(Some(connection)),
                    counters,
                    policy,
                    dev,
                    members,
                    withheld <- new_mutex!(KVec::new()),
                }),
                GFP_KERNEL,
            )
        })();
        // On errors the connection is gone, so the stack doesn't queue the work again.
        joined.inspect_err(|_| members.stop())
    }

    /// The connection; `EIO` after unmount.
    pub(crate) fn connection(&self) -> Result<Arc<Connection<LockRes, Members>>> {
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
        self.members.stop();
    }
}
