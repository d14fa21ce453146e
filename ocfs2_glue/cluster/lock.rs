// SPDX-License-Identifier: GPL-2.0-only
//! Cluster locks: carries out what the state machine in [`crate::lockres`] decides.
//!
//! One spinlock for each lock resource, around the machine and nothing else (`machine.rs`).
//! Whatever the machine answers is done after it was dropped: wake, queue the worker, call the DLM,
//! tell the machine what the call returned.
//!
//! A task that sleeps here holds no folio lock: every function that can wait for the cluster asks
//! for a [`NoFolio`]. [`Lock::try_acquire`] doesn't, and never sleeps.

use super::{
    machine::LockedMachine,
    membership::Cluster,
    translate::{answer_of, dlm_level, dlm_mode, errno_of},
};
use crate::{
    lockres::{
        DlmCall, Flushed, Hold, How, Kick, Kind, Level, Lvb, Mode, Outcome, Step, Waiter, Work,
    },
    ondisk::dlm::{lock_name::LockName, lvb},
    vfs::{
        dlm::{
            lksb::{impl_has_lksb, Lksb},
            stackglue::{self, LockCallbacks, LockFlags},
        },
        fs::{folio::NoFolio, inode::Evicting, time::monotonic_ns},
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
    time::msecs_to_jiffies,
    workqueue::{impl_has_delayed_work, DelayedWork, WorkItem},
};

/// What a lock protects, as far as a downconvert is concerned.
pub(crate) trait Contents: Send + Sync {
    /// Writes back and drops what has to be before the lock goes from level `from` to level `to`.
    /// `None` while it is being evicted, which gives the lock up by itself.
    fn flush(&self, from: Level, to: Level) -> Option<Flushed>;

    /// What the lock value block should say; `None` if nothing that others could trust.
    fn value_block(&self) -> Option<[u8; lvb::SIZE]>;
}

/// One lock of the cluster, or on a local volume none.
#[derive(Clone)]
pub(crate) enum Lock {
    /// Nobody else has the volume.
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
    #[pin]
    wait: WaitQueue,
    /// Counts wake-ups, so that none is missed between an answer and the sleep that follows it.
    wakes: Atomic<u64>,
    #[pin]
    work: DelayedWork<Self>,
    /// One worker at a time.
    #[pin]
    working: Mutex<()>,
    cluster: Arc<Cluster>,
    /// What a downconvert has to write back, and whose attributes go into the value block.
    contents: Option<Arc<dyn Contents>>,
}

impl_has_lksb! {
    impl HasLksb for LockRes { self.lksb }
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for LockRes { self.work }
}

/// A lock that is held; given back when dropped.
#[must_use = "the lock is given back when this is dropped"]
pub(crate) struct Held {
    inner: Option<(Arc<LockRes>, Hold)>,
}

/// What a blocking acquire leaves behind for the operation that is called again. Made in this file
/// alone, and what a retry is made of (`Waited` of [`crate::data::aops::Aops`]).
pub(crate) struct Ticket(());

impl Lock {
    /// A lock with a value block, that protects what `contents` stands for. `cluster` is `None` on a
    /// local volume.
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

    /// A lock that protects nothing that is cached: rw, open and super lock.
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

    /// Acquires, waiting for other nodes as long as it takes.
    ///
    /// # Errors
    ///
    /// `EINTR` for a task that was killed, `EIO` if the cluster is lost, else what the DLM says.
    pub(crate) fn acquire(&self, mode: Mode, wait: &NoFolio) -> Result<Held> {
        match self {
            Lock::Local => Ok(Held { inner: None }),
            Lock::Cluster(res) => res.acquire(mode, How::Wait, wait),
        }
    }

    /// The same, but any signal ends the wait, not only one that kills.
    pub(crate) fn acquire_interruptible(&self, mode: Mode, wait: &NoFolio) -> Result<Held> {
        match self {
            Lock::Local => Ok(Held { inner: None }),
            Lock::Cluster(res) => res.acquire_until(mode, How::Wait, EndedBy::AnySignal, wait),
        }
    }

    /// Acquires by waiting, has `refresh` bring what the lock protects up to date, and leaves a
    /// ticket: the next try of this task gets the lock even if another node asks meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Lock::acquire`], and what `refresh` answers.
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

    /// Acquires if no other node has it in the way; waits for the DLM's word on that.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if one has; else as [`Lock::acquire`].
    pub(crate) fn acquire_now(&self, mode: Mode, wait: &NoFolio) -> Result<Held> {
        match self {
            Lock::Local => Ok(Held { inner: None }),
            Lock::Cluster(res) => res.acquire(mode, How::NoQueue, wait),
        }
    }

    /// Acquires if that needs no waiting: not for another node, nor for an answer of the DLM, nor
    /// for a refresh. For callers with a folio locked.
    pub(crate) fn try_acquire(&self, mode: Mode) -> Option<Held> {
        match self {
            Lock::Local => Some(Held { inner: None }),
            Lock::Cluster(res) => res.try_acquire(mode),
        }
    }

    /// Whether [`Lock::try_acquire`] would succeed just now, and if so under which grant
    /// ([`Lock::generation`]), for callers that would give the lock back at once.
    ///
    /// They need no hold: what they hand on (that attributes are up to date, that a name is there)
    /// may be outdated by another node as soon as it is given back, and isn't more so if it never
    /// was held. It costs the spinlock once; no counter, no reference, and the clock only if
    /// another node asks. Nor is it a use, so a lock that is asked about and not taken counts as
    /// idle.
    pub(crate) fn would_grant(&self, mode: Mode) -> Option<u64> {
        match self {
            Lock::Local => Some(1),
            Lock::Cluster(res) if res.cluster.is_fine() => res.machine.would_grant(mode),
            Lock::Cluster(_) => None,
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

    /// Which grant this is: changes whenever the lock comes back after it was lost.
    pub(crate) fn generation(&self) -> u64 {
        match self {
            Lock::Local => 1,
            Lock::Cluster(res) => res.machine.generation(),
        }
    }

    /// Gives back the ticket that a folio operation may have left for its retry, now that all of
    /// what it was a part of is over. Where it wasn't needed, because another task had read the
    /// folio meanwhile, it would hold up a downconvert until it runs out.
    ///
    /// Takes the lock's spinlock only if there are tickets, queues the worker, and waits for
    /// nothing, so it may be called with whatever such an operation is called with.
    pub(crate) fn hand_in(&self) {
        if let Lock::Cluster(res) = self {
            res.kick(res.machine.hand_in());
        }
    }

    /// Keeps the lock until unmount: what it protects is in the log of an aborted journal.
    pub(crate) fn withhold(&self, evicting: &Evicting) {
        if let Lock::Cluster(res) = self {
            if res.cluster.withhold(res.clone()).is_err() {
                pr_err!("no memory to keep a lock; other nodes will find old metadata\n");
                self.evict(None, evicting);
            }
        }
    }

    /// Gives the lock up for good. Nobody holds it, and what it protects was written back. Waits
    /// for the DLM's answer.
    pub(crate) fn shut_down(&self, _wait: &NoFolio) {
        if let Lock::Cluster(res) = self {
            res.shut_down(None);
        }
    }

    /// The same for a lock of an inode that is being evicted, with what its value block shall say.
    pub(crate) fn evict(&self, value: Option<[u8; lvb::SIZE]>, _evicting: &Evicting) {
        if let Lock::Cluster(res) = self {
            res.shut_down(value);
        }
    }
}

impl Held {
    /// Whether this holder must refresh what the lock protects before anybody uses it.
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

    /// The lock value block, if the DLM calls it valid.
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

    /// Gives the hold back, but leaves a ticket in its place.
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

/// What ends a wait before its time.
#[derive(Clone, Copy)]
enum EndedBy {
    Kill,
    AnySignal,
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
                wait <- WaitQueue::new(),
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
        if !self.cluster.is_fine() {
            return None;
        }
        let step = self.machine.acquire(mode, How::Try);
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

    fn acquire(self: &Arc<Self>, mode: Mode, how: How, wait: &NoFolio) -> Result<Held> {
        self.acquire_until(mode, how, EndedBy::Kill, wait)
    }

    fn acquire_until(
        self: &Arc<Self>,
        mode: Mode,
        how: How,
        ended_by: EndedBy,
        _wait: &NoFolio,
    ) -> Result<Held> {
        // The other node may need this journal flushed before it lets go.
        jbd2::warn_about_handle();
        if self.cluster.is_lost() {
            return Err(EIO);
        }
        let mut seen = self.wakes.load(Acquire);
        let step = self.machine.acquire(mode, how);
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
                Outcome::Failed(fault) => break Err(errno_of(fault)),
                Outcome::Wait(waiter) => {
                    waited_from.get_or_insert_with(monotonic_ns);
                    if let Err(e) = self.sleep(seen, ended_by) {
                        let kick = self.machine.abandon(waiter);
                        self.kick(kick);
                        break Err(e);
                    }
                    seen = self.wakes.load(Acquire);
                    outcome = self.poll(waiter);
                }
            }
        };
        if let Some(from) = waited_from {
            let waited = monotonic_ns().saturating_sub(from);
            self.cluster.counters.blocking_acquires.inc();
            self.cluster.counters.longest_wait_ns.max(waited);
            let done = result.as_ref().map(|_| ()).map_err(|e: &Error| *e);
            let level = dlm_mode(mode) as i32;
            trace::acquire(self.cluster.dev, self.machine.name(), level, done, waited);
        }
        result
    }

    fn poll(self: &Arc<Self>, waiter: Waiter) -> Outcome {
        let step = self.machine.poll(waiter);
        self.carry_out(step)
    }

    fn sleep(&self, seen: u64, ended_by: EndedBy) -> Result {
        let done = || self.wakes.load(Acquire) != seen || self.cluster.is_lost();
        match ended_by {
            EndedBy::Kill => self.wait.wait_killable(done)?,
            EndedBy::AnySignal => self.wait.wait_interruptible(done)?,
        }
        if self.cluster.is_lost() {
            return Err(EIO);
        }
        Ok(())
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
            self.wait.wake_all();
        }
        if let Some(delay) = kick.work {
            // Rounded up, so that the worker isn't early and has to wait again.
            let delay = msecs_to_jiffies(delay.div_ceil(1_000_000) as u32);
            // A callback may get here late: what is queued after `shut_down` has cancelled would
            // be nobody's to wait for, and might outlive the queue.
            self.machine
                .unless_gone(|| delayed_work::schedule(&self.cluster.queue, self.clone(), delay));
        }
    }

    /// Makes a call into the DLM. `value` is for the value block, where the inode can't be asked.
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
            Lvb::Spoil => lvb::untrusted(),
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
        // Whatever is written back here must not come back through this very lock.
        let _nofs = NoFs::enter();
        let step = self.machine.work();
        if let Work::Flush { from, to } = self.carry_out(step) {
            self.cluster.counters.downconverts.inc();
            let begun = monotonic_ns();
            let done = match &self.contents {
                None => Flushed::Done,
                // Eviction has it, is writing its metadata back, and gives the lock up then.
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
            let took = monotonic_ns().saturating_sub(begun);
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
            let seen = self.wakes.load(Acquire);
            let step = self.machine.shutdown();
            self.kick(step.kick);
            if let Some(call) = step.call {
                self.call(call, value);
            }
            if step.value || self.machine.is_gone() {
                break;
            }
            self.wait.wait(|| self.wakes.load(Acquire) != seen);
        }
        delayed_work::cancel_sync(self);
    }
}

/// How often the worker looks whether eviction has given a lock up.
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
