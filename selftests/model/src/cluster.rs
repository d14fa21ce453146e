// SPDX-License-Identifier: GPL-2.0-only
//! The nodes, the DLM between them, and time: what can happen next.

use crate::dlm::{Dlm, Flavour, NODES};
use crate::node::{Evict, Node, Pc, Role, Who, Worker};
use ocfs2_lockres_host::lockres::Policy;
use std::hash::{Hash, Hasher};

/// A way of doing it wrong, to see that the checker notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// As it is meant to be.
    Right,
    /// The reader waits for the cluster lock with its folio locked.
    Naive,
    /// A reader that would block asks, but doesn't wait: it retries at once.
    Spin,
    /// A try-lock that finds a downconvert queued carries it out, in the reader's own context.
    Queued,
    /// Nobody leaves a ticket.
    NoTicket,
}

/// What is explored.
#[derive(Clone, Debug)]
pub struct Config {
    pub name: &'static str,
    /// The tasks of each node.
    pub nodes: Vec<Vec<Role>>,
    pub policy: Policy,
    pub flavour: Flavour,
    pub variant: Variant,
    /// A call is at the master as soon as it is made. Its answers still take their time.
    pub coarse: bool,
    /// All nodes have the same tasks, and are interchangeable.
    pub alike: bool,
    /// How many operations may be under way at a time, on all nodes together.
    pub at_once: usize,
    /// Readers may take the lock before they enter the page cache.
    pub eager: bool,
    /// A read is started and the cluster lock given back; else it is held until it is done.
    pub async_reads: bool,
    /// Count retries and late tickets; off where only the rest is looked at.
    pub counted: bool,
    /// Time may pass although a task that left a ticket could run.
    pub hurried: bool,
    /// Sleepers may be killed.
    pub kills: bool,
    /// How many nodes may die; how many may lose the cluster.
    pub deaths: u8,
    pub losses: u8,
    /// Clean folios may be dropped.
    pub reclaim: bool,
    /// Inodes may be evicted while nobody uses them.
    pub evictions: bool,
    /// How many flushes and refreshes may fail.
    pub faults: u8,
}

impl Config {
    /// Two kinds of DLM in one: everything either may do, except refusals.
    pub const ANY: Flavour = Flavour {
        late_refusals: true,
        busy: true,
        deadlk: false,
    };

    pub fn new(name: &'static str, nodes: &[&[Role]]) -> Self {
        Config {
            name,
            nodes: nodes.iter().map(|roles| roles.to_vec()).collect(),
            policy: Policy {
                slice_ns: 0,
                idle_ns: 0,
                ticket_ns: 1,
            },
            flavour: Flavour {
                busy: false,
                ..Config::ANY
            },
            variant: Variant::Right,
            coarse: false,
            alike: false,
            at_once: usize::MAX,
            async_reads: true,
            eager: true,
            counted: true,
            hurried: false,
            kills: false,
            reclaim: true,
            deaths: 0,
            losses: 0,
            evictions: false,
            faults: 0,
        }
    }
}

/// One thing that happens. The number is the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A task begins its next operation; true: by taking the lock before the page cache.
    Start(u8, u8, bool),
    /// A task that can run does.
    Step(u8, u8),
    /// The disk or the LVB fails the task, or the worker's write back.
    Fault(u8, Who),
    /// A sleeping task is killed, or one that was about to use its ticket.
    Kill(u8, u8),
    /// The worker runs.
    Work(u8),
    /// A call reaches the DLM's master.
    Arrive(u8),
    /// A call returns.
    Return(u8),
    /// A callback runs.
    Ast(u8),
    Bast(u8),
    UnlockAst(u8),
    /// fs/dlm is done with a cancel that came too late.
    Digest(u8),
    /// Memory is short: a clean folio is dropped. (Or: the next read is for another one.)
    Reclaim(u8),
    /// Eviction begins, or goes on.
    Evict(u8),
    /// The node dies.
    Die(u8),
    /// The node loses the cluster.
    Lose(u8),
    /// Time passes until the next timer.
    Tick,
}

/// The whole.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub now: u64,
    pub nodes: Vec<Node>,
    pub dlm: Dlm,
    pub deaths: u8,
    pub losses: u8,
    pub faults: u8,
    /// The machine said that an event can't be right.
    pub misuse: Option<&'static str>,
}

impl Cluster {
    pub fn new(config: &Config) -> Self {
        let policy = match config.variant {
            Variant::NoTicket => Policy {
                ticket_ns: 0,
                ..config.policy
            },
            _ => config.policy,
        };
        Cluster {
            now: 0,
            nodes: config.nodes.iter().map(|r| Node::new(r, policy)).collect(),
            dlm: Dlm::new(),
            deaths: config.deaths,
            losses: config.losses,
            faults: config.faults,
            misuse: None,
        }
    }

    /// Everything that can happen now, in a fixed order.
    pub fn enabled(&self, config: &Config, out: &mut Vec<Action>) {
        out.clear();
        for (n, node) in self.nodes.iter().enumerate() {
            let n = n as u8;
            if !node.alive {
                continue;
            }
            self.node_events(n, node, out);
            for t in 0..node.tasks.len() {
                self.task_events(config, n, t as u8, node, out);
            }
            if self.deaths > 0 {
                out.push(Action::Die(n));
            }
            if self.losses > 0 && !node.lost {
                out.push(Action::Lose(n));
            }
            self.evict_events(config, n, node, out);
            let folio = node.folio;
            if config.reclaim && folio.uptodate && !folio.dirty && folio.locked.is_none() {
                out.push(Action::Reclaim(n));
            }
        }
        if self.next_timer().is_some() && (config.hurried || !self.urgent()) {
            out.push(Action::Tick);
        }
        if self.under_way() >= config.at_once {
            out.retain(|action| !matches!(action, Action::Start(..)));
        }
    }

    fn node_events(&self, n: u8, node: &Node, out: &mut Vec<Action>) {
        let lock = &self.dlm.locks[usize::from(n)];
        if let Some(calling) = node.calling {
            out.push(match calling.answer {
                None => Action::Arrive(n),
                Some(_) => Action::Return(n),
            });
        }
        if lock.ast.is_some() {
            out.push(Action::Ast(n));
        }
        if lock.bast.is_some() {
            out.push(Action::Bast(n));
        }
        if lock.unlock_ast.is_some() {
            out.push(Action::UnlockAst(n));
        }
        if lock.digesting {
            out.push(Action::Digest(n));
        }
        if node.in_call(Who::Worker) {
            return;
        }
        match node.worker {
            Worker::Idle if node.timer.is_some_and(|at| at <= self.now) => {
                out.push(Action::Work(n));
            }
            // The folio is locked to be written back and dropped.
            Worker::Flushing(_) if node.folio.locked.is_none() => {
                out.push(Action::Work(n));
                if self.faults > 0 {
                    out.push(Action::Fault(n, Who::Worker));
                    out.push(Action::Fault(n, Who::Disk));
                }
            }
            _ => {}
        }
    }

    /// How many operations are.
    fn under_way(&self) -> usize {
        let tasks = self.nodes.iter().filter(|n| n.alive).flat_map(|n| &n.tasks);
        tasks.filter(|t| t.pc != Pc::Idle).count()
    }

    fn task_events(&self, config: &Config, n: u8, t: u8, node: &Node, out: &mut Vec<Action>) {
        let task = &node.tasks[usize::from(t)];
        if node.in_call(Who::Task(t)) {
            return;
        }
        let free = node.folio.locked.is_none();
        let runs = match &task.pc {
            Pc::Idle => {
                if node.evict == Evict::No && !node.lost {
                    if free || node.folio.uptodate || task.role == Role::Writer {
                        out.push(Action::Start(n, t, false));
                    }
                    if task.role == Role::Reader && config.eager {
                        out.push(Action::Start(n, t, true));
                    }
                }
                false
            }
            Pc::Look => node.folio.uptodate || free,
            Pc::Ready(..) => free,
            Pc::Asleep(_, woken, _) => *woken,
            Pc::Demoting => node.worker == Worker::Idle,
            _ => true,
        };
        if runs {
            out.push(Action::Step(n, t));
        }
        match &task.pc {
            Pc::Asleep(..) if config.kills => out.push(Action::Kill(n, t)),
            Pc::Look if config.kills && task.ticket => out.push(Action::Kill(n, t)),
            Pc::Got(h, _) if self.faults > 0 && h.must_refresh() => {
                out.push(Action::Fault(n, Who::Task(t)));
            }
            _ => {}
        }
    }

    fn evict_events(&self, config: &Config, n: u8, node: &Node, out: &mut Vec<Action>) {
        let idle = node.tasks.iter().all(|t| t.pc == Pc::Idle);
        let go = match node.evict {
            Evict::No => config.evictions && idle && !node.lost,
            Evict::Truncating => node.folio.locked.is_none(),
            Evict::Closing(woken) => woken && !node.in_call(Who::Evict),
        };
        if go {
            out.push(Action::Evict(n));
        }
    }

    /// The next time at which a worker is due.
    pub fn next_timer(&self) -> Option<u64> {
        let alive = self.nodes.iter().filter(|n| n.alive);
        let timers = alive.filter_map(|n| n.timer);
        timers.filter(|at| *at > self.now).min()
    }

    /// A task with a ticket can use it at once: a few microseconds, or the time of one read from
    /// the disk, against the milliseconds that a ticket lasts.
    fn urgent(&self) -> bool {
        let alive = self.nodes.iter().filter(|n| n.alive);
        let mut tasks = alive.flat_map(|n| &n.tasks);
        tasks.any(|t| t.ticket && matches!(t.pc, Pc::Look | Pc::Io | Pc::MkWrite))
    }

    /// Is anybody in the middle of something?
    pub fn busy(&self) -> bool {
        self.nodes
            .iter()
            .any(|n| n.alive && (n.evict != Evict::No || n.tasks.iter().any(|t| t.pc != Pc::Idle)))
    }

    /// Everything that has a bearing on what follows, with the nodes in the given order.
    pub fn key<H: Hasher>(&self, order: &[usize], h: &mut H) {
        for n in order {
            self.nodes[*n].key(self.now, h);
        }
        self.dlm.key(order, h);
        (self.deaths, self.losses, self.faults, self.misuse).hash(h);
    }
}

/// The nodes as they are.
pub const IN_ORDER: [usize; NODES] = [0, 1, 2];

impl Hash for Cluster {
    fn hash<H: Hasher>(&self, h: &mut H) {
        self.key(&IN_ORDER[..self.nodes.len()], h);
    }
}

/// Equal in everything that has a bearing on what follows.
impl PartialEq for Cluster {
    fn eq(&self, other: &Self) -> bool {
        let print = |c: &Cluster| {
            let mut a = std::hash::DefaultHasher::new();
            c.hash(&mut a);
            1u8.hash(&mut a);
            let one = a.finish();
            c.hash(&mut a);
            (one, a.finish())
        };
        print(self) == print(other)
    }
}
