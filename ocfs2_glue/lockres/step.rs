// SPDX-License-Identifier: GPL-2.0-only
//! What goes in and what comes out: requests, answers, and what the caller must do afterwards.

use super::mode::{Level, Mode};

/// What the protocol says about one kind of lock (`LOCK_TYPE_*` in `srctree/fs/ocfs2/dlmglue.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// The lock has a value block; every DLM call for it carries the VALBLK flag.
    pub lvb: bool,
    /// What it protects is stale after the lock was at NL and must be refreshed by a holder.
    pub refresh: bool,
}

/// How long a node keeps what another one asks for. All times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// For this long after a grant local requests are let in although another node asks.
    pub slice_ns: u64,
    /// A lock that nobody here has used for this long is given up before its slice is over.
    pub idle_ns: u64,
    /// How long a ticket holds up a downconvert, counted from the last one left. 0: no tickets.
    pub ticket_ns: u64,
}

/// A number for the calling task that stays the same over a retry (its pid will do).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task(pub u32);

/// How far a caller of acquire is ready to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// With a folio locked: the answer is there now or it is [`Outcome::WouldBlock`].
    Try,
    /// Waits for as long as it takes.
    Wait,
    /// Asks the DLM, but with NOQUEUE: waits for the DLM's answer, not for other nodes.
    NoQueue,
}

/// Why nothing will come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The lock is being given up for good (eviction, unmount).
    Shutdown,
    /// The cluster is lost; the errno given to [`fail`](super::Machine::fail).
    Lost(i32),
    /// The DLM refused.
    Refused(Refusal),
    /// The caller broke a rule (counts ran over, a token that isn't this lock's).
    Misuse,
}

/// What the DLM can say instead of success; the caller translates the errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// -EAGAIN: a NOQUEUE request that would have had to wait.
    Again,
    /// -EDEADLK: two nodes convert PR to EX, and this one was chosen to step back.
    Deadlock,
    /// -EBUSY: fs/dlm hasn't digested the last cancel yet; ask again in a moment.
    Busy,
    /// Anything else, as a negative errno.
    Other(i32),
}

/// What the DLM, or the call into it, answered.
pub type Answer = Result<(), Refusal>;

/// The lock is held. Give it back with [`release`](super::Machine::release) or
/// [`leave_ticket`](super::Machine::leave_ticket), exactly once (which is why it isn't `Copy`).
#[must_use = "a hold that is dropped is never given back"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    pub(super) mode: Mode,
    pub(super) task: Task,
    /// May leave a ticket. One that came in on a ticket, past others who must wait, may not: that
    /// bounds how long a downconvert waits.
    pub(super) may_leave: bool,
    pub(super) refresh: bool,
    /// Came in on the first half of an EX ticket.
    pub(super) rest: bool,
}

impl Hold {
    /// What is held; more than was asked for if it came with an EX ticket.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Whose it is: the task that acquired it.
    pub const fn task(&self) -> Task {
        self.task
    }

    /// This holder must refresh what the lock protects, from the LVB or the disk, and then call
    /// [`refreshed`](super::Machine::refreshed), before it uses it. Everybody else waits.
    pub const fn must_refresh(&self) -> bool {
        self.refresh
    }
}

/// The caller is in line. Sleep until woken, then [`poll`](super::Machine::poll); if the task is
/// killed, [`abandon`](super::Machine::abandon).
#[must_use = "a waiter that is dropped is counted for ever"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waiter {
    pub(super) mode: Mode,
    pub(super) task: Task,
    pub(super) noqueue: bool,
    /// The machine's batch when this one came in line; once that moved on, the hold is there.
    pub(super) batch: u32,
    /// The DLM request that this waiter made: its refusal is for this waiter.
    pub(super) request: Option<u32>,
}

impl Waiter {
    /// Who waits.
    pub const fn task(&self) -> Task {
        self.task
    }
}

/// The answer to acquire and poll.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Have it; see [`Hold::must_refresh`].
    Granted(Hold),
    /// Not without waiting ([`How::Try`]), or the DLM said so ([`How::NoQueue`]).
    WouldBlock,
    /// Sleep until woken.
    Wait(Waiter),
    /// It will never come.
    Failed(Fault),
}

/// What must be in the lock's value block when a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lvb {
    /// This kind of lock has none: no VALBLK flag.
    Unused,
    /// VALBLK; leave the buffer alone (the DLM fills it, or its content is still right).
    Leave,
    /// VALBLK; store the protected data in it first.
    Fill,
    /// VALBLK; first mark it as not to be trusted, as the write back before this call failed.
    Spoil,
}

/// One call into the DLM. The caller makes it after dropping the spinlock and reports what the
/// call returned with [`returned`](super::Machine::returned), whatever callbacks came meanwhile.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DlmCall {
    /// `ocfs2_dlm_lock`.
    Lock {
        /// The level to ask for. A new lock at NL must be granted at once whoever else waits
        /// (fs/dlm: with EXPEDITE; o2dlm does so by itself).
        level: Level,
        /// A conversion of the lock there is (CONVERT), or a new lock.
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

/// What every event can ask of its caller, in any context, once the spinlock is dropped.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kick {
    /// Have [`work`](super::Machine::work) called after this many nanoseconds, or sooner; a timer
    /// that is already set for later must be brought forward.
    pub work: Option<u64>,
    /// Wake everybody who sleeps on this lock (waiters, and whoever shuts it down).
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

/// What the downconvert worker must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Nothing (more); what is needed later is in the kick.
    Nothing,
    /// Write back, and for NL also unmap, truncate and forget, then call
    /// [`flushed`](super::Machine::flushed).
    Flush {
        /// What the DLM counts for this node.
        from: Level,
        /// What will be left.
        to: Level,
    },
}

/// How a flush went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flushed {
    /// All of it is on disk, and what the new level doesn't cover is forgotten.
    Done,
    /// Something couldn't be written. The error was recorded where fsync finds it; the lock goes
    /// all the same, with an LVB that the next node won't trust.
    Failed,
    /// Not possible now; try again after that many nanoseconds (a second at most).
    NotYet(u64),
}

/// An event that can't be right in the state the lock is in. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unexpected {
    /// The method that was called.
    pub event: &'static str,
}
