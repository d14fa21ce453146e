// SPDX-License-Identifier: GPL-2.0-only
//! A DLM of one resource: what o2dlm and fs/dlm have in common, and what either may do.
//!
//! Facts: `srctree/fs/ocfs2/dlm/dlmconvert.c`, `dlmlock.c`, `dlmunlock.c`, `dlmthread.c`
//! (conversions before new locks, each in order; which nodes get a bast; a cancel that comes too
//! late isn't answered) and `srctree/fs/dlm/lock.c` (one bast for each level; -EBUSY after such a
//! cancel).
//!
//! Callbacks go to the node's inbox, which delivers an ast and a bast in any order and at any time:
//! more orders than either DLM can produce.

use std::hash::{Hash, Hasher};

use ocfs2_lockres_host::lockres::{Answer, DlmCall, Level, Lvb, Mode, Refusal};

/// The most nodes a model can have.
pub const NODES: usize = 3;

/// Whether a value block is up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// It is up to date.
    Current,
    /// It is out of date and doesn't say so.
    Stale,
    /// It is marked invalid.
    Invalid,
}

/// One node's lock on the resource, and the callbacks that haven't run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lock {
    /// The lock exists, granted or queued.
    pub exists: bool,
    /// The level that is granted.
    pub level: Level,
    /// The value block in the node's own lock status block.
    pub lksb: Value,
    /// The strongest bast sent since the last grant.
    basted: Option<Mode>,
    /// fs/dlm hasn't finished a cancel that came too late.
    pub digesting: bool,
    /// The node was declared dead and its lock dropped, but it lives: its calls fail.
    expelled: bool,
    /// Inbox: the lock ast.
    pub ast: Option<Answer>,
    /// Inbox: the strongest bast.
    pub bast: Option<Mode>,
    /// Inbox: the unlock ast.
    pub unlock_ast: Option<Answer>,
}

const NO_LOCK: Lock = Lock {
    exists: false,
    level: Level::Nl,
    lksb: Value::Invalid,
    basted: None,
    digesting: false,
    expelled: false,
    ast: None,
    bast: None,
    unlock_ast: None,
};

/// What an expelled node's calls and requests end with: -ENOTCONN.
const EXPELLED: Refusal = Refusal::Other(-107);

/// A request that couldn't be granted at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Queued {
    node: u8,
    convert: bool,
    want: Mode,
}

/// The resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dlm {
    /// One for each node.
    pub locks: [Lock; NODES],
    /// Conversions first, then new locks, each in order.
    queue: [Option<Queued>; NODES],
    /// The master's value block.
    pub lvb: Value,
}

/// How the DLM behaves where the two real ones differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// A NOQUEUE refusal comes by ast (fs/dlm), not from the call (o2dlm).
    pub late_refusals: bool,
    /// -EBUSY for a while after a cancel that came too late (fs/dlm).
    pub busy: bool,
    /// The second of two crossing PR to EX conversions is refused with -EDEADLK.
    pub deadlk: bool,
}

fn mode_of(level: Level) -> Option<Mode> {
    match level {
        Level::Nl => None,
        Level::Pr => Some(Mode::Pr),
        Level::Ex => Some(Mode::Ex),
    }
}

fn compatible(level: Level, want: Mode) -> bool {
    level <= want.leaves()
}

impl Dlm {
    pub fn new() -> Self {
        Dlm {
            locks: [NO_LOCK; NODES],
            queue: [None; NODES],
            lvb: Value::Invalid,
        }
    }

    /// The call reaches the master. Returns what it will return; callbacks go to the inbox.
    pub fn arrive(&mut self, node: usize, call: DlmCall, flavour: Flavour) -> Answer {
        if self.locks[node].expelled {
            return Err(EXPELLED);
        }
        match call {
            DlmCall::Lock {
                level,
                convert,
                noqueue,
                lvb,
            } => self.lock(node, level, convert, noqueue, lvb, flavour),
            DlmCall::Cancel => {
                let before = self.queue;
                self.unqueue(node);
                if self.queue == before {
                    self.locks[node].digesting = flavour.busy;
                } else {
                    self.locks[node].unlock_ast = Some(Ok(()));
                    self.shuffle();
                }
                Ok(())
            }
            DlmCall::Unlock { lvb } => {
                if self.locks[node].digesting {
                    return Err(Refusal::Busy);
                }
                self.store(node, lvb);
                self.locks[node] = Lock {
                    unlock_ast: Some(Ok(())),
                    bast: self.locks[node].bast,
                    ..NO_LOCK
                };
                self.shuffle();
                Ok(())
            }
        }
    }

    fn lock(
        &mut self,
        node: usize,
        level: Level,
        convert: bool,
        noqueue: bool,
        lvb: Lvb,
        flavour: Flavour,
    ) -> Answer {
        let old = self.locks[node].level;
        if self.locks[node].digesting {
            return Err(Refusal::Busy);
        }
        assert_eq!(convert, self.locks[node].exists, "a convert of no lock");
        let want = match mode_of(level) {
            Some(want) if level > old => want,
            _ => {
                self.store(node, lvb);
                self.locks[node].exists = true;
                self.grant(node, level);
                self.shuffle();
                return Ok(());
            }
        };
        let others = (0..NODES).filter(|n| *n != node);
        let granted = others
            .clone()
            .all(|n| compatible(self.locks[n].level, want));
        let converts = self.queue.iter().flatten().filter(|q| q.convert);
        let first = converts.clone().all(|q| compatible(q.want.level(), want));
        if granted && first {
            self.locks[node].exists = true;
            self.grant(node, level);
        } else if noqueue {
            return self.refuse(node, Refusal::Again, flavour.late_refusals);
        } else if flavour.deadlk
            && old == Level::Pr
            && converts
                .clone()
                .any(|q| self.locks[usize::from(q.node)].level == Level::Pr && q.want == Mode::Ex)
        {
            return self.refuse(node, Refusal::Deadlock, true);
        } else {
            self.locks[node].exists = true;
            self.enqueue(Queued {
                node: node as u8,
                convert,
                want,
            });
        }
        self.shuffle();
        Ok(())
    }

    fn refuse(&mut self, node: usize, refusal: Refusal, late: bool) -> Answer {
        if !late {
            return Err(refusal);
        }
        self.locks[node].ast = Some(Err(refusal));
        Ok(())
    }

    fn enqueue(&mut self, new: Queued) {
        let mut all: Vec<Queued> = self.queue.iter().flatten().copied().collect();
        let at = match new.convert {
            true => all.iter().take_while(|q| q.convert).count(),
            false => all.len(),
        };
        all.insert(at, new);
        self.queue = [None; NODES];
        for (slot, q) in self.queue.iter_mut().zip(all) {
            *slot = Some(q);
        }
    }

    fn unqueue(&mut self, node: usize) {
        let mut left = [None; NODES];
        let rest = self.queue.iter().flatten();
        let rest = rest.filter(|q| usize::from(q.node) != node);
        for (slot, q) in left.iter_mut().zip(rest) {
            *slot = Some(*q);
        }
        self.queue = left;
    }

    fn grant(&mut self, node: usize, level: Level) {
        let lock = &mut self.locks[node];
        lock.level = level;
        lock.basted = None;
        lock.ast = Some(Ok(()));
    }

    /// A node that gives EX up leaves its value block at the master.
    fn store(&mut self, node: usize, lvb: Lvb) {
        let lock = &mut self.locks[node];
        if lock.level != Level::Ex {
            return;
        }
        match lvb {
            Lvb::Unused => {}
            // The node has put it into its own block before it called.
            Lvb::Leave | Lvb::Fill | Lvb::Invalidate => self.lvb = lock.lksb,
        }
    }

    /// Grants what can be granted, and sends basts for the first of each queue.
    fn shuffle(&mut self) {
        loop {
            let first = self.queue[0];
            let Some(q) = first else { return };
            let node = usize::from(q.node);
            let others = (0..NODES).filter(|n| *n != node);
            if others
                .clone()
                .all(|n| compatible(self.locks[n].level, q.want))
            {
                self.unqueue(node);
                self.grant(node, q.want.level());
                continue;
            }
            break;
        }
        let convert = self.queue.iter().flatten().find(|q| q.convert).copied();
        let new = self.queue.iter().flatten().find(|q| !q.convert).copied();
        for q in [convert, new].into_iter().flatten() {
            for n in (0..NODES).filter(|n| *n != usize::from(q.node)) {
                let lock = &mut self.locks[n];
                if !compatible(lock.level, q.want) && lock.basted < Some(q.want) {
                    lock.basted = Some(q.want);
                    lock.bast = lock.bast.max(Some(q.want));
                }
            }
        }
    }

    /// Everything that decides what follows, with the nodes in the given order.
    pub fn key<H: Hasher>(&self, order: &[usize], h: &mut H) {
        for n in order {
            self.locks[*n].hash(h);
        }
        for queued in self.queue.iter().flatten() {
            let place = order.iter().position(|n| *n == usize::from(queued.node));
            (place, queued.convert, queued.want).hash(h);
        }
        self.lvb.hash(h);
    }

    /// The node was declared dead: recovery drops its lock, and its value block. If it lives all
    /// the same, its pending request is still answered.
    pub fn recover(&mut self, node: usize, lives: bool) {
        if self.locks[node].level == Level::Ex {
            self.lvb = Value::Invalid;
        }
        let before = self.queue;
        self.unqueue(node);
        let old = self.locks[node];
        self.locks[node] = NO_LOCK;
        if lives {
            let refused = (self.queue != before).then_some(Err(EXPELLED));
            self.locks[node] = Lock {
                expelled: true,
                ast: old.ast.or(refused),
                bast: old.bast,
                unlock_ast: old.unlock_ast,
                ..NO_LOCK
            };
        }
        self.shuffle();
    }
}

impl Default for Dlm {
    fn default() -> Self {
        Dlm::new()
    }
}
