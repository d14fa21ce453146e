// SPDX-License-Identifier: GPL-2.0-only
//! The nodes that have the volume mounted: which went down, and what follows for lock requests.
//!
//! The stack reports a node that died; the report makes it a suspect ([`DownNodes`] decides), and
//! has a work item read the slot map. Until then requests wait. Each change of the [`Membership`]
//! wakes every task that waits for a lock of this volume, and each of them asks its lock's state
//! machine again. Nothing walks over the locks.
//!
//! # Locks
//!
//! The spinlock `down` is innermost, and held for reports and for the result of a read alone.
//! Lock requests read `published`, an atomic; they do so under their lock resource's spinlock. The
//! DLM grants a dead node's lock after it reported the death, and the ast takes that spinlock, so a
//! request that is granted for this reason finds the report.

use crate::{
    lockres::{DownNodes, Membership},
    vfs::{
        dlm::stackglue::Recovery,
        nofs::NoFs,
        sync::{
            delayed_work,
            wait::{new_waitqueue, WaitQueue},
            workqueue::OwnedQueue,
        },
    },
};
use kernel::{
    new_delayed_work, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Release},
        Arc, SetOnce, SpinLock,
    },
    workqueue::{impl_has_delayed_work, DelayedWork, WorkItem},
};
use pin_init::pin_init_array_from_fn;

/// Reads the slot map.
pub(crate) trait SlotOwners: Send + Sync {
    /// Whether a node for which `is_suspect` is true has a slot. `None` if the volume is being
    /// unmounted, so that nobody needs to know any more.
    fn any_has_slot(&self, is_suspect: &dyn Fn(u32) -> bool) -> Option<Result<bool>>;
}

/// See the top of the file.
#[pin_data]
pub(crate) struct Members {
    #[pin]
    down: SpinLock<DownNodes>,
    /// The membership of `down`, in the lowest bits, and a count of its changes. Written under the
    /// lock of `down`.
    published: Atomic<u32>,
    #[pin]
    waiters: Waiters,
    /// Where the slot map is read, and where downconverts run.
    pub(crate) queue: OwnedQueue,
    #[pin]
    work: DelayedWork<Self>,
    slot_owners: SetOnce<Arc<dyn SlotOwners>>,
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Members { self.work }
}

/// Bits of `published` for the membership.
const STATE_BITS: u32 = 2;

impl Members {
    /// No node is down.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let queue = OwnedQueue::new(c"ocfs2_glue", 0)?;
        Arc::pin_init(
            pin_init!(Self {
                down <- new_spinlock!(DownNodes::new(), "ocfs2_glue_members"),
                published: Atomic::new(Membership::Complete.code()),
                waiters <- Waiters::new(),
                queue,
                work <- new_delayed_work!("ocfs2_glue_members"),
                slot_owners: SetOnce::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// What lock requests are decided with now.
    pub(crate) fn membership(&self) -> Membership {
        Membership::from_code(self.published.load(Acquire))
    }

    /// Changes whenever the membership does, and at no other time.
    pub(crate) fn changes(&self) -> u32 {
        self.published.load(Acquire) >> STATE_BITS
    }

    /// Where tasks wait for the lock with this number, and for a change of the membership. Locks
    /// share queues, so a waiter is woken for other locks as well.
    pub(crate) fn waiters(&self, lock: usize) -> &WaitQueue {
        self.waiters.of(lock)
    }

    /// Makes this node's number known.
    pub(crate) fn set_this_node(&self, node: u32) {
        self.change(|down| down.set_this_node(node));
    }

    /// From now on the slot map can be read, with `owners`. A node that went down before then
    /// makes every request fail.
    pub(crate) fn set_slot_owners(&self, owners: Arc<dyn SlotOwners>) {
        self.slot_owners.populate(owners);
    }

    /// Waits for a read of the slot map. The stack reports nobody any more.
    pub(crate) fn stop(self: &Arc<Self>) {
        delayed_work::cancel_sync(self);
    }

    fn change(&self, change: impl FnOnce(&mut DownNodes)) -> Membership {
        let mut down = self.down.lock();
        let before = down.membership();
        change(&mut down);
        let after = down.membership();
        if after != before {
            let changes = self.changes().wrapping_add(1);
            self.published
                .store(changes << STATE_BITS | after.code(), Release);
            self.waiters.wake_all();
            if after == Membership::Lost {
                pr_err!("this node was declared dead: no more locks are granted\n");
            }
        }
        after
    }

    fn read_slot_map(&self) {
        // Eviction of the slot map's inode waits for this read.
        let _nofs = NoFs::enter();
        loop {
            let Some(suspects) = self.down.lock().suspects() else {
                return;
            };
            let is_suspect = |node| suspects.contains(node);
            let read = match self.slot_owners.as_ref() {
                Some(owners) => owners.any_has_slot(&is_suspect),
                None => Some(Err(EAGAIN)),
            };
            let has_slot = match read {
                None => return,
                Some(Ok(has_slot)) => has_slot,
                Some(Err(e)) => {
                    pr_err!(
                        "a node died, and the slot map can't be read: error {}\n",
                        e.to_errno()
                    );
                    true
                }
            };
            match self.change(|down| down.slot_map_read(&suspects, has_slot)) {
                Membership::Unrecovered => pr_err!(
                    "a node died with the volume mounted, and recovery of another slot isn't \
                     supported yet: no more locks are granted; unmount this volume\n"
                ),
                Membership::Complete => pr_info!("the node that went down had no slot\n"),
                Membership::Suspect | Membership::Lost => {}
            }
        }
    }
}

impl Recovery for Members {
    fn node_down(this: &Arc<Self>, node: u32) {
        if this.change(|down| down.node_down(node)) == Membership::Suspect {
            delayed_work::schedule(&this.queue, this.clone(), 0);
        }
    }
}

impl WorkItem for Members {
    type Pointer = Arc<Members>;

    fn run(this: Arc<Members>) {
        this.read_slot_map();
    }
}

const QUEUES: usize = 64;

/// The wait queues of all locks of a volume. So one change wakes all who wait, and a lock that
/// nobody waits for needs no queue of its own.
#[pin_data]
struct Waiters {
    #[pin]
    queues: [WaitQueue; QUEUES],
}

impl Waiters {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            queues <- pin_init_array_from_fn(|_| new_waitqueue!("ocfs2_glue_locks")),
        })
    }

    fn of(&self, lock: usize) -> &WaitQueue {
        // The upper bits of this product depend on all bits of the number.
        let hash = (lock as u64).wrapping_mul(0x61c8_8646_80b5_83eb) >> 32;
        &self.queues[hash as usize % QUEUES]
    }

    fn wake_all(&self) {
        for queue in &self.queues {
            queue.wake_all();
        }
    }
}
