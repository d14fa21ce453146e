// SPDX-License-Identifier: GPL-2.0-only
//! Cluster locks: carries out what the state machine in [`crate::lockres`] decides.
//!
//! Each lock resource has one spinlock, around the machine and nothing else (`machine.rs`). What
//! the machine answers is done after the spinlock was dropped: wake waiters, queue the worker, call
//! the DLM, report to the machine what the call returned.
//!
//! A task that sleeps here holds no folio lock: every function that can wait for the cluster takes
//! a [`NoFolio`]. [`Lock::try_acquire`] takes none, and never sleeps.

use super::{machine::LockedMachine, membership::Cluster};
use crate::{
    lockres::{
        Answer, DlmCall, Flushed, Hold, How, Kick, Kind, Level, LockError, Lvb, Mode, Outcome,
        Refusal, Step, Waiter, Work,
    },
    ondisk::dlm::{lock_name::LockName, lvb},
    vfs::{
        dlm::{
            lksb::{impl_has_lksb, Lksb},
            stackglue::{self, LockCallbacks, LockFlags},
        },
        fs::{folio::NoFolio, icache::Evicting},
        jbd2,
        nofs::NoFs,
        sync::{delayed_work, wait::WaitQueue},
        trace,
    },
};
use kernel::{
    new_delayed_work, new_mutex,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full},
        Arc, Mutex,
    },
    time::{msecs_to_jiffies, Instant, Monotonic},
    workqueue::{impl_has_delayed_work, DelayedWork, WorkItem},
};

/// What a lock protects, for the downconvert worker.
pub(crate) trait Contents: Send + Sync {
    /// Writes back and drops what must be, before the lock goes from level `from` to level `to`.
    /// `None` during eviction, which unlocks by itself.
    fn flush(&self, from: Level, to: Level) -> Option<Flushed>;

    /// The data for the lock value block; `None` if other nodes couldn't trust it.
    fn value_block(&self) -> Option<[u8; lvb::SIZE]>;
}

/// One lock of the cluster; on a local volume, none.
#[derive(Clone)]
pub(crate) enum Lock {
    /// No other node can mount the volume.
    Local,
    /// A lock resource.
    Cluster(Arc<LockRes>),
}

/// One lock resource.
#[pin_data]
pub(crate) struct LockRes {
    #[pin]
    lksb: Lksb,
    #[pin]
    machine: LockedMachine,
    /// Counts wake-ups, so that a task misses none between the machine's answer and its sleep.
    wakes: Atomic<u64>,
    #[pin]
    work: DelayedWork<Self>,
    /// One worker at a time.
    #[pin]
    working: Mutex<()>,
    cluster: Arc<Cluster>,
    /// What a downconvert writes back, and what goes into the value block.
    contents: Option<Arc<dyn Contents>>,
}

impl_has_lksb! {
    impl HasLksb for LockRes { self.lksb }
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for LockRes { self.work }
}

/// A lock that is held; released when dropped.
#[must_use = "the lock is released when this is dropped"]
pub(crate) struct Held {
    inner: Option<(Arc<LockRes>, Hold)>,
}

/// Proof that a blocking acquire succeeded and left a ticket. Only this file makes one, and a retry
/// needs one (`Waited` of [`crate::data::aops::Aops`]).
pub(crate) struct Ticket(());

impl Lock {
    /// A lock with a value block, which protects `contents`. `cluster` is `None` on a local volume.
    pub(crate) fn with_contents(
        cluster: Option<&Arc<Cluster>>,
        name: LockName,
        contents: impl FnOnce() -> Result<Arc<dyn Contents>>,
    ) -> Result<Self> {
        let kind = Kind {
            lvb: true,
            refresh: true,
        };
        match cluster {
            None => Ok(Lock::Local),
            Some(cluster) => {
                LockRes::new(cluster, name, kind, Some(contents()?)).map(Lock::Cluster)
            }
        }
    }

    /// A lock that protects nothing cached: rw, open and super lock.
    pub(crate) fn plain(cluster: Option<&Arc<Cluster>>, name: LockName) -> Result<Self> {
        let kind = Kind {
            lvb: false,
            refresh: false,
        };
        match cluster {
            None => Ok(Lock::Local),
            Some(cluster) => LockRes::new(cluster, name, kind, None).map(Lock::Cluster),
        }
    }

    /// Acquires, and waits for other nodes as long as it takes.
    ///
    /// # Errors
    ///
    /// `EINTR` if the task is killed, `EIO` after a node died that had a slot, else the DLM's
    /// error.
    pub(crate) fn acquire(&self, mode: Mode, wait: &NoFolio) -> Result<Held> {
        match self {
            Lock::Local => Ok(Held { inner: None }),
            Lock::Cluster(res) => res.acquire(mode, How::Wait, wait),
        }
    }

    /// Acquires by waiting, has `refresh` bring what the lock protects up to date, and leaves a
    /// ticket: the next try of this task gets the lock even if another node waits by then.
    ///
    /// # Errors
    ///
    /// Those of [`Lock::acquire`] and of `refresh`.
    pub(crate) fn ticket(
        &self,
        mode: Mode,
        wait: &NoFolio,
        refresh: impl FnOnce(&mut Held) -> Result,
    ) -> Result<Ticket> {
        let mut held = self.acquire(mode, wait)?;
        refresh(&mut held)?;
        held.leave_ticket();
        Ok(Ticket(()))
    }

    /// Acquires if no other node holds a conflicting lock; waits for the DLM's answer to that.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if one does; else as [`Lock::acquire`].
    pub(crate) fn acquire_now(&self, mode: Mode, wait: &NoFolio) -> Result<Held> {
        match self {
            Lock::Local => Ok(Held { inner: None }),
            Lock::Cluster(res) => res.acquire(mode, How::NoQueue, wait),
        }
    }

    /// Acquires without sleeping: `None` if that would need another node, the DLM's answer, the
    /// slot map or a refresh. For callers with a folio locked.
    pub(crate) fn try_acquire(&self, mode: Mode) -> Option<Held> {
        match self {
            Lock::Local => Some(Held { inner: None }),
            Lock::Cluster(res) => res.try_acquire(mode),
        }
    }

    /// Whether [`Lock::try_acquire`] would succeed now, and if so under which grant
    /// ([`Lock::generation`]), for callers that would release the lock at once.
    ///
    /// They need no hold: another node may outdate their result (that attributes are up to date,
    /// that a name exists) as soon as a hold is released. This takes the spinlock once; no counter,
    /// no reference, and the clock only if another node waits. The lock doesn't count as used.
    pub(crate) fn would_grant(&self, mode: Mode) -> Option<u64> {
        match self {
            Lock::Local => Some(1),
            Lock::Cluster(res) => res.machine.would_grant(mode, &res.cluster.members),
        }
    }

    /// Whether `held` is a hold of this lock.
    pub(crate) fn is_held_by(&self, held: &Held) -> bool {
        match (self, &held.inner) {
            (Lock::Local, None) => true,
            (Lock::Cluster(res), Some((of, _))) => Arc::ptr_eq(res, of),
            _ => false,
        }
    }

    /// The number of the present grant: it changes when the lock comes back after NL.
    pub(crate) fn generation(&self) -> u64 {
        match self {
            Lock::Local => 1,
            Lock::Cluster(res) => res.machine.generation(),
        }
    }

    /// Returns this task's unused ticket when the read or fault is over; otherwise it would delay a
    /// downconvert until it expires. (A task doesn't use its ticket if another task has read the
    /// folio.)
    ///
    /// Takes the lock's spinlock only if there are tickets, queues the worker, and never sleeps, so
    /// it may be called wherever a read or fault ends.
    pub(crate) fn return_ticket(&self) {
        if let Lock::Cluster(res) = self {
            res.kick(res.machine.return_ticket());
        }
    }

    /// Keeps the lock until unmount, because what it protects is in the log of an aborted journal.
    pub(crate) fn withhold(&self, evicting: &Evicting) {
        if let Lock::Cluster(res) = self {
            if res.cluster.withhold(res.clone()).is_err() {
                pr_err!("no memory to keep a lock; other nodes will find old metadata\n");
                self.evict(None, evicting);
            }
        }
    }

    /// Unlocks. No task holds the lock, and what it protects was written back. Waits for the DLM's
    /// answer.
    pub(crate) fn shut_down(&self, _wait: &NoFolio) {
        if let Lock::Cluster(res) = self {
            res.shut_down(None);
        }
    }

    /// The same for a lock of an inode that is being evicted, with the data for its value block.
    pub(crate) fn evict(&self, value: Option<[u8; lvb::SIZE]>, _evicting: &Evicting) {
        if let Lock::Cluster(res) = self {
            res.shut_down(value);
        }
    }
}

impl Held {
    /// Whether this holder must refresh what the lock protects before any task uses it.
    pub(crate) fn must_refresh(&self) -> bool {
        self.inner
            .as_ref()
            .is_some_and(|(_, hold)| hold.must_refresh())
    }

    /// Reports the refresh.
    pub(crate) fn refreshed(&mut self, ok: bool) {
        if let Some((res, hold)) = &mut self.inner {
            if hold.must_refresh() {
                let kick = res.machine.refreshed(hold, ok);
                res.kick(kick.unwrap_or_default());
            }
        }
    }

    /// The lock value block, if the DLM says that it is valid.
    pub(crate) fn value_block(&self) -> Option<[u8; lvb::SIZE]> {
        let (res, _) = self.inner.as_ref()?;
        let connection = res.cluster.connection().ok()?;
        let mut value = [0; lvb::SIZE];
        if !connection.lvb_valid(res) {
            return None;
        }
        connection.read_lvb(res, &mut value).ok()?;
        Some(value)
    }

    /// Releases the hold and leaves a ticket.
    fn leave_ticket(mut self) {
        if let Some((res, hold)) = self.inner.take() {
            let kick = res.machine.leave_ticket(hold);
            res.kick(kick.unwrap_or_default());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((res, hold)) = self.inner.take() {
            let kick = res.machine.release(hold);
            res.kick(kick.unwrap_or_default());
        }
    }
}

impl LockRes {
    fn new(
        cluster: &Arc<Cluster>,
        name: LockName,
        kind: Kind,
        contents: Option<Arc<dyn Contents>>,
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                lksb <- Lksb::new(),
                machine <- LockedMachine::new(kind, cluster.policy, name, cluster.dev),
                wakes: Atomic::new(0),
                work <- new_delayed_work!("ocfs2_glue_downconvert"),
                working <- new_mutex!((), "ocfs2_glue_working"),
                cluster: cluster.clone(),
                contents,
            }),
            GFP_KERNEL,
        )
    }

    fn try_acquire(self: &Arc<Self>, mode: Mode) -> Option<Held> {
        let step = self.machine.acquire(mode, How::Try, &self.cluster.members);
        self.kick(step.kick);
        match step.value {
            Outcome::Granted(hold) => Some(Held {
                inner: Some((self.clone(), hold)),
            }),
            _ => {
                self.cluster.counters.would_block.inc();
                trace::would_block(self.cluster.dev, self.machine.name(), dlm_mode(mode) as i32);
                None
            }
        }
    }

    fn acquire(self: &Arc<Self>, mode: Mode, how: How, _wait: &NoFolio) -> Result<Held> {
        // The other node may need a flush of this journal before it gives its lock up.
        jbd2::warn_about_handle();
        let mut seen = self.seen();
        let step = self.machine.acquire(mode, how, &self.cluster.members);
        let mut outcome = self.carry_out(step);
        let mut waited_from = None;
        let result = loop {
            match outcome {
                Outcome::Granted(hold) => {
                    break Ok(Held {
                        inner: Some((self.clone(), hold)),
                    })
                }
                Outcome::WouldBlock => break Err(EAGAIN),
                Outcome::Failed(error) => break Err(errno_of(error)),
                Outcome::Wait(waiter) => {
                    waited_from.get_or_insert_with(Instant::<Monotonic>::now);
                    if let Err(e) = self.sleep(seen) {
                        let kick = self.machine.abandon(waiter);
                        self.kick(kick);
                        break Err(e);
                    }
                    seen = self.seen();
                    outcome = self.poll(waiter);
                }
            }
        };
        if let Some(from) = waited_from {
            let waited = from.elapsed().as_nanos() as u64;
            self.cluster.counters.blocking_acquires.inc();
            self.cluster.counters.longest_wait_ns.max(waited);
            let done = result.as_ref().map(|_| ()).map_err(|e: &Error| *e);
            let level = dlm_mode(mode) as i32;
            trace::acquire(self.cluster.dev, self.machine.name(), level, done, waited);
        }
        result
    }

    fn poll(self: &Arc<Self>, waiter: Waiter) -> Outcome {
        let step = self.machine.poll(waiter, &self.cluster.members);
        self.carry_out(step)
    }

    /// Read before each request to the machine. A task sleeps until this changes.
    fn seen(&self) -> (u64, u32) {
        (self.wakes.load(Acquire), self.cluster.members.changes())
    }

    fn waiters(&self) -> &WaitQueue {
        self.cluster
            .members
            .waiters(core::ptr::from_ref(self).addr())
    }

    /// `EINTR` for a task that was killed.
    fn sleep(&self, seen: (u64, u32)) -> Result {
        self.waiters().wait_killable(|| self.seen() != seen)
    }

    fn carry_out<T>(self: &Arc<Self>, step: Step<T>) -> T {
        self.kick(step.kick);
        if let Some(call) = step.call {
            self.call(call, None);
        }
        step.value
    }

    fn kick(self: &Arc<Self>, kick: Kick) {
        if kick.wake {
            self.wakes.fetch_add(1, Full);
            self.waiters().wake_all();
        }
        if let Some(delay) = kick.work {
            // Rounded up, so that the worker isn't early and has to wait again.
            let delay = msecs_to_jiffies(delay.div_ceil(1_000_000) as u32);
            // A callback may come here late. Work that is queued after `shut_down` has cancelled
            // would run without anything to wait for it, and might outlive the queue.
            self.machine.unless_gone(|| {
                delayed_work::schedule(&self.cluster.members.queue, self.clone(), delay)
            });
        }
    }

    /// Makes a call into the DLM. `value` is for the value block, if `contents` can't provide it.
    fn call(self: &Arc<Self>, call: DlmCall, value: Option<[u8; lvb::SIZE]>) {
        let answer = match self.cluster.connection() {
            Ok(connection) => match call {
                DlmCall::Lock {
                    level,
                    convert,
                    noqueue,
                    lvb,
                } => {
                    self.cluster.counters.dlm_requests.inc();
                    self.set_value(lvb, value);
                    let flags = LockFlags {
                        convert,
                        noqueue,
                        expedite: !convert && level == Level::Nl,
                        valblk: lvb != Lvb::Unused,
                    };
                    connection.lock(self, dlm_level(level), flags, self.machine.name())
                }
                DlmCall::Cancel => {
                    self.cluster.counters.cancels.inc();
                    connection.cancel(self)
                }
                DlmCall::Unlock { lvb } => {
                    self.set_value(lvb, value);
                    connection.unlock(self, lvb != Lvb::Unused)
                }
            },
            Err(e) => Err(e),
        };
        let kick = self.machine.returned(answer_of(answer));
        self.kick(kick.unwrap_or_default());
    }

    fn set_value(&self, lvb: Lvb, value: Option<[u8; lvb::SIZE]>) {
        let value = match lvb {
            Lvb::Unused | Lvb::Leave => return,
            Lvb::Invalidate => lvb::untrusted(),
            Lvb::Fill => value
                .or_else(|| self.contents.as_ref()?.value_block())
                .unwrap_or(lvb::untrusted()),
        };
        if let Ok(connection) = self.cluster.connection() {
            let _ = connection.write_lvb(self, &value);
        }
    }

    /// One turn of the downconvert worker.
    fn work_once(self: &Arc<Self>) {
        let _one = self.working.lock();
        // An allocation must not write back through a file system that needs this lock.
        let _nofs = NoFs::enter();
        let step = self.machine.work(&self.cluster.members);
        if let Work::Flush { from, to } = self.carry_out(step) {
            self.cluster.counters.downconverts.inc();
            let begun = Instant::<Monotonic>::now();
            let done = match &self.contents {
                None => Flushed::Done,
                // Eviction writes its metadata back, and then unlocks.
                Some(contents) => contents
                    .flush(from, to)
                    .unwrap_or(Flushed::NotYet(EVICTION_NS)),
            };
            let result = match done {
                Flushed::Done => Ok(()),
                Flushed::NotYet(_) => Err(EAGAIN),
                Flushed::Failed => Err(EIO),
            };
            let (from, to) = (dlm_level(from) as i32, dlm_level(to) as i32);
            let took = begun.elapsed().as_nanos() as u64;
            trace::downconvert(
                self.cluster.dev,
                self.machine.name(),
                from,
                to,
                result,
                took,
            );
            let step = self.machine.flushed(done);
            if let Ok(step) = step {
                self.carry_out(step);
            }
        }
    }

    fn shut_down(self: &Arc<Self>, value: Option<[u8; lvb::SIZE]>) {
        loop {
            let seen = self.seen();
            let step = self.machine.shutdown();
            self.kick(step.kick);
            if let Some(call) = step.call {
                self.call(call, value);
            }
            if step.value || self.machine.is_gone() {
                break;
            }
            self.waiters().wait(|| self.seen() != seen);
        }
        delayed_work::cancel_sync(self);
    }
}

/// How often the worker looks whether eviction has unlocked.
const EVICTION_NS: u64 = 10_000_000;

impl WorkItem for LockRes {
    type Pointer = Arc<LockRes>;

    fn run(this: Arc<LockRes>) {
        this.work_once();
    }
}

impl LockCallbacks for LockRes {
    fn ast(this: &Arc<Self>, status: i32) {
        let answer = answer_of(kernel::error::to_result(status));
        let kick = this.machine.ast(answer);
        this.kick(kick.unwrap_or_default());
    }

    fn blocking_ast(this: &Arc<Self>, level: i32) {
        this.cluster.counters.basts.inc();
        trace::bast(this.cluster.dev, this.machine.name(), level);
        let mode = if level == stackglue::Level::Ex as i32 {
            Mode::Ex
        } else {
            Mode::Pr
        };
        let kick = this.machine.bast(mode);
        this.kick(kick);
    }

    fn unlock_ast(this: &Arc<Self>, error: i32) {
        let answer = answer_of(kernel::error::to_result(error));
        let kick = this.machine.unlock_ast(answer);
        this.kick(kick.unwrap_or_default());
    }
}

fn dlm_mode(mode: Mode) -> stackglue::Level {
    dlm_level(mode.level())
}

fn dlm_level(level: Level) -> stackglue::Level {
    match level {
        Level::Nl => stackglue::Level::Nl,
        Level::Pr => stackglue::Level::Pr,
        Level::Ex => stackglue::Level::Ex,
    }
}

fn answer_of(result: Result) -> Answer {
    result.map_err(|e| match e {
        EAGAIN => Refusal::Again,
        EDEADLK => Refusal::Deadlock,
        EBUSY => Refusal::Busy,
        e => Refusal::Other(e.to_errno()),
    })
}

fn errno_of(error: LockError) -> Error {
    match error {
        LockError::Shutdown => ESTALE,
        LockError::Unrecovered | LockError::Lost => EIO,
        LockError::Refused(Refusal::Other(errno)) => Error::from_errno(errno),
        LockError::Refused(Refusal::Again) => EAGAIN,
        LockError::Refused(Refusal::Deadlock) => EDEADLK,
        LockError::Refused(Refusal::Busy) => EBUSY,
        LockError::Misuse => EIO,
    }
}
