// SPDX-License-Identifier: GPL-2.0-only
//! The machine's inputs and outputs: requests, answers, and what the caller must do next.

use super::mode::{Level, Mode};

/// What the OCFS2 protocol says about one kind of lock (`LOCK_TYPE_*` in `srctree/fs/ocfs2/dlmglue.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// The lock has a value block; every DLM call for it carries the VALBLK flag.
    pub lvb: bool,
    /// What it protects is stale after the lock was at NL, and the next holder must refresh it.
    pub refresh: bool,
}

/// How long a node keeps a lock that another node waits for. All times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// For this long after a grant local requests are granted although another node waits.
    pub slice_ns: u64,
    /// A lock that nobody here has used for this long is given up before its slice is over.
    pub idle_ns: u64,
    /// How long a ticket delays a downconvert, counted from the last ticket. 0: no tickets.
    pub ticket_ns: u64,
}

/// A number for the calling task that stays the same over a retry: its pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task(pub u32);

/// How long a caller of acquire is ready to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// Not at all, as it has a folio locked: [`Outcome::WouldBlock`] if the lock isn't here.
    Try,
    /// For as long as it takes.
    Wait,
    /// For the DLM's answer and for the slot map, but not for other nodes: with NOQUEUE.
    NoQueue,
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockError {
    /// The lock is being given up for good (eviction, unmount).
    Shutdown,
    /// A node died with a slot: [`Membership::Unrecovered`](super::Membership::Unrecovered).
    Unrecovered,
    /// This node was declared dead: [`Membership::Lost`](super::Membership::Lost).
    Lost,
    /// The DLM refused.
    Refused(Refusal),
    /// The caller broke a rule (counts ran over, a token that isn't this lock's).
    Misuse,
}

/// The DLM's errors; the caller translates the errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// -EAGAIN: a NOQUEUE request would have to wait.
    Again,
    /// -EDEADLK: two nodes convert PR to EX, and the DLM refused this one.
    Deadlock,
    /// -EBUSY: fs/dlm hasn't finished the last cancel; try again in a moment.
    Busy,
    /// Anything else, as a negative errno.
    Other(i32),
}

/// The DLM's answer, or what the call into it returned.
pub type Answer = Result<(), Refusal>;

/// The lock is held. Release it with [`release`](super::Machine::release) or
/// [`leave_ticket`](super::Machine::leave_ticket), exactly once (which is why it isn't `Copy`).
#[must_use = "a hold that is dropped is never released"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    pub(super) mode: Mode,
    pub(super) task: Task,
    /// May leave a ticket. A task that needed a ticket to get this hold may not: that bounds how
    /// long a downconvert waits.
    pub(super) may_leave: bool,
    pub(super) refresh: bool,
    /// Used the first half of an EX ticket.
    pub(super) half: bool,
}

impl Hold {
    /// The mode that is held: EX for a PR request that used an EX ticket.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The task that acquired it.
    pub const fn task(&self) -> Task {
        self.task
    }

    /// This holder must refresh what the lock protects, from the LVB or the disk, and then call
    /// [`refreshed`](super::Machine::refreshed), before it uses it. All other tasks wait for that.
    pub const fn must_refresh(&self) -> bool {
        self.refresh
    }
}

/// The task has to wait. Sleep until woken, then [`poll`](super::Machine::poll); if the task is
/// killed, [`abandon`](super::Machine::abandon).
#[must_use = "a waiter that is dropped is counted for ever"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waiter {
    pub(super) mode: Mode,
    pub(super) task: Task,
    pub(super) noqueue: bool,
    /// The machine's batch number when this task began to wait; if they differ, its hold is
    /// reserved.
    pub(super) batch: u32,
    /// The DLM request that this waiter made. A refusal of that request is for this waiter.
    pub(super) request: Option<u32>,
}

impl Waiter {
    /// The task that waits.
    pub const fn task(&self) -> Task {
        self.task
    }
}

/// The answer to acquire and poll.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The lock is held; see [`Hold::must_refresh`].
    Granted(Hold),
    /// Only by waiting: for [`How::Try`], or for [`How::NoQueue`] if the DLM refused.
    WouldBlock,
    /// Sleep until woken.
    Wait(Waiter),
    /// The request failed.
    Failed(LockError),
}

/// What must be in the lock's value block when a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lvb {
    /// This kind of lock has none: no VALBLK flag.
    Unused,
    /// VALBLK; don't touch the buffer (the DLM fills it, or its content is still right).
    Leave,
    /// VALBLK; store the protected data in it first.
    Fill,
    /// VALBLK; mark it invalid first, because the writeback before this call failed.
    Invalidate,
}

/// One call into the DLM. The caller makes it after dropping the spinlock, and reports what it
/// returned with [`returned`](super::Machine::returned), even if callbacks ran before.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DlmCall {
    /// `ocfs2_dlm_lock`.
    Lock {
        /// The level to request. A new lock at NL must be granted at once, before other waiters
        /// (fs/dlm: with EXPEDITE; o2dlm does so by itself).
        level: Level,
        /// Convert the existing lock (CONVERT), or make a new one.
        convert: bool,
        /// With NOQUEUE.
        noqueue: bool,
        /// See [`Lvb`].
        lvb: Lvb,
    },
    /// `ocfs2_dlm_unlock` with CANCEL.
    Cancel,
    /// `ocfs2_dlm_unlock`.
    Unlock {
        /// See [`Lvb`].
        lvb: Lvb,
    },
}

/// What the caller must do after any event, once the spinlock is dropped.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kick {
    /// Have [`work`](super::Machine::work) called after this many nanoseconds, or sooner; a timer
    /// that is already set for later must be brought forward.
    pub work: Option<u64>,
    /// Wake all tasks that sleep for this lock: waiters, and the one that shuts it down.
    pub wake: bool,
}

/// The result of an event that comes from a context that may sleep.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step<T> {
    /// The answer.
    pub value: T,
    /// First do this...
    pub kick: Kick,
    /// ... then make this call. Never set for [`How::Try`].
    pub call: Option<DlmCall>,
}

/// What the downconvert worker must do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Nothing now; the kick says when to run again.
    Nothing,
    /// Write back, and for NL also unmap, truncate and forget what is cached; then call
    /// [`flushed`](super::Machine::flushed).
    Flush {
        /// The level this node has.
        from: Level,
        /// The level after the downconvert.
        to: Level,
    },
}

/// How a flush went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flushed {
    /// Everything is on disk, and what the new level doesn't cover isn't cached any more.
    Done,
    /// Writeback failed. fsync will report the error. The lock goes to the other node anyway, with
    /// an LVB that is marked invalid.
    Failed,
    /// Not possible now; the worker tries again after so many nanoseconds (a second at most).
    NotYet(u64),
}

/// An event that is impossible in the present state. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unexpected {
    /// The method that was called.
    pub event: &'static str,
}
