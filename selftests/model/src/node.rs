// SPDX-License-Identifier: GPL-2.0-only
//! One node: its machine, one folio, the worker, and the tasks.

use ocfs2_lockres_host::lockres::{
    Answer, DlmCall, DownNodes, Hold, Kind, Machine, Mode, NodeSet, Policy, Waiter, WaiterState,
};
use std::hash::{Hash, Hasher};

/// The most tasks a node can have.
pub const TASKS: usize = 3;

/// What a task does, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `read(2)`: finds the folio uptodate, or has `->read_folio` called with it locked.
    Reader,
    /// `write(2)`: takes EX, then the folio, and dirties it.
    Writer,
    /// A write fault: reads the folio like a reader, then `->page_mkwrite` takes EX to dirty it.
    Mapper,
}

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// A task, by number.
    Task(u8),
    /// The downconvert worker.
    Worker,
    /// Eviction of the inode.
    Evict,
    /// The disk can't be written now.
    Disk,
}

/// What a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// To leave a ticket of this mode and look the folio up again.
    Ticket(Mode),
    /// To write.
    Write,
    /// To make the mapping writable.
    MkWrite,
    /// Wrong: to read the folio, which it has locked all the time.
    ReadLocked,
}

/// Where a task is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pc {
    /// Between two operations.
    Idle,
    /// About to look the folio up.
    Look,
    /// `->read_folio` holds the folio lock and the cluster lock, and waits for the disk.
    Reading(Hold),
    /// `->read_folio` has started the read and released the cluster lock; the folio stays locked
    /// until the read ends.
    Io,
    /// No folio held; about to wait for the cluster lock.
    MustWait(Goal),
    /// Asleep until woken (true).
    Asleep(Waiter, bool, Goal),
    /// Holds the lock, and may have to refresh.
    Got(Hold, Goal),
    /// Holds the cluster lock and waits for the folio lock, in the lock order.
    Ready(Hold, Goal),
    /// The folio is locked and being written under EX.
    Writing(Hold),
    /// The fault found the folio uptodate: `->page_mkwrite` is next.
    MkWrite,
    /// Wrong: it runs a queued downconvert itself, with its folio locked.
    Demoting,
}

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    pub role: Role,
    pub pc: Pc,
    /// It left a ticket and hasn't tried since.
    pub ticket: bool,
    /// Retries since the operation began or the lock was last taken away.
    pub retries: u8,
}

/// The worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Worker {
    Idle,
    /// Must write the folio back, and drop it for NL (true).
    Flushing(bool),
}

/// Eviction of the inode, and so of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evict {
    No,
    /// Must write back and drop the folio.
    Truncating,
    /// Must call shutdown (true: it was woken), or sleeps.
    Closing(bool),
}

/// A call into the DLM that hasn't returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Calling {
    pub by: Who,
    pub call: DlmCall,
    /// What it will return, once it has been to the master.
    pub answer: Option<Answer>,
}

/// The page cache of one folio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Folio {
    pub uptodate: bool,
    pub dirty: bool,
    pub mapped: bool,
    pub locked: Option<u8>,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub alive: bool,
    /// It was declared dead, but lives: nothing it does matters to other nodes.
    pub expelled: bool,
    pub members: DownNodes,
    /// Nodes that the stack will report as down, and those with a slot that it has reported; bits.
    pub reports: u8,
    pub heard: u8,
    /// It reads the slot map, to look for these.
    pub reading: Option<NodeSet>,
    pub machine: Machine,
    pub calling: Option<Calling>,
    pub timer: Option<u64>,
    pub worker: Worker,
    pub evict: Evict,
    pub folio: Folio,
    /// The inode in memory is up to date.
    pub meta: bool,
    /// Tickets left since another node waits.
    pub late_tickets: u8,
    pub tasks: Vec<Task>,
}

pub const KIND: Kind = Kind {
    lvb: true,
    refresh: true,
};

impl Node {
    pub fn new(roles: &[Role], policy: Policy) -> Self {
        let task = |role: &Role| Task {
            role: *role,
            pc: Pc::Idle,
            ticket: false,
            retries: 0,
        };
        Node {
            alive: true,
            expelled: false,
            members: DownNodes::new(),
            reports: 0,
            heard: 0,
            reading: None,
            machine: Machine::new(KIND, policy),
            calling: None,
            timer: None,
            worker: Worker::Idle,
            evict: Evict::No,
            folio: Folio::default(),
            meta: false,
            late_tickets: 0,
            tasks: roles.iter().map(task).collect(),
        }
    }

    /// Wakes all tasks that sleep for the lock.
    pub fn wake_all(&mut self) {
        for task in &mut self.tasks {
            if let Pc::Asleep(_, woken, _) = &mut task.pc {
                *woken = true;
            }
        }
        if let Evict::Closing(woken) = &mut self.evict {
            *woken = true;
        }
    }

    /// Whether this one made a DLM call that hasn't returned.
    pub fn in_call(&self, who: Who) -> bool {
        self.calling.is_some_and(|c| c.by == who)
    }

    /// The hold of a task, other than a reserved one.
    pub fn hold(&self, t: usize) -> Option<&Hold> {
        match &self.tasks[t].pc {
            Pc::Reading(h) | Pc::Got(h, _) | Pc::Ready(h, _) | Pc::Writing(h) => Some(h),
            _ => None,
        }
    }

    /// Everything that decides what this node does next.
    pub fn key<H: Hasher>(&self, now: u64, h: &mut H) {
        (self.alive, self.expelled).hash(h);
        if !self.alive {
            return;
        }
        (self.members.membership(), self.members.suspects()).hash(h);
        (self.reports, self.heard, self.reading).hash(h);
        self.machine.view(now).hash(h);
        self.calling.hash(h);
        self.timer.map(|t| t.saturating_sub(now)).hash(h);
        (self.worker, self.evict, self.folio, self.meta).hash(h);
        self.late_tickets.hash(h);
        for task in &self.tasks {
            (task.ticket, task.retries).hash(h);
            if let Pc::Asleep(w, woken, goal) = &task.pc {
                let waiter_state: WaiterState = self.machine.waiter_state(w);
                (1u8, woken, goal, waiter_state).hash(h);
            } else {
                (0u8, &task.pc).hash(h);
            }
        }
    }
}
