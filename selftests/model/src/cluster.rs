// SPDX-License-Identifier: GPL-2.0-only
//! The nodes, the DLM between them, and time; and which actions are possible next.

use crate::dlm::{Dlm, Flavour, NODES};
use crate::node::{Evict, Node, Pc, Role, Who, Worker};
use ocfs2_lockres_host::lockres::Policy;
use std::hash::{Hash, Hasher};

/// A wrong scheme, to see that the checker finds the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The right one.
    Right,
    /// The reader waits for the cluster lock with its folio locked.
    Naive,
    /// A reader that would block makes a request, but retries at once instead of waiting.
    Spin,
    /// A try-lock that finds a downconvert queued carries it out, in the reader's own context.
    Queued,
    /// No task leaves a ticket.
    NoTicket,
}

/// A set: one configuration that is explored.
#[derive(Clone, Debug)]
pub struct Config {
    pub name: &'static str,
    /// The tasks of each node.
    pub nodes: Vec<Vec<Role>>,
    pub policy: Policy,
    pub flavour: Flavour,
    pub variant: Variant,
    /// A call reaches the master in the step that makes it. Its answers still come later.
    pub coarse: bool,
    /// All nodes have the same tasks, and are interchangeable. (Not if one may die.)
    pub alike: bool,
    /// The most operations at a time, on all nodes together.
    pub at_once: usize,
    /// Readers may take the lock before they enter the page cache.
    pub eager: bool,
    /// `->read_folio` starts the read and releases the lock; else it holds it until the read ends.
    pub async_reads: bool,
    /// Count retries and late tickets, which makes more states.
    pub counted: bool,
    /// Tickets may expire although their tasks could run.
    pub hurried: bool,
    /// Sleepers may be killed.
    pub kills: bool,
    /// How many nodes may die, and how many may be declared dead while they live.
    pub deaths: u8,
    pub declared_dead: u8,
    /// Nodes without tasks and locks that may die, and whether each has a slot.
    pub strangers: &'static [bool],
    /// Nodes that recover a dead node's slot, as the in-tree driver does; as bits.
    pub recover: u8,
    /// A node's locks are dropped when every other node has heard of its death, not before.
    pub reported_first: bool,
    /// Clean folios may be dropped.
    pub reclaim: bool,
    /// Inodes may be evicted while nobody uses them.
    pub evictions: bool,
    /// How many flushes and refreshes may fail.
    pub faults: u8,
}

impl Config {
    /// Everything that either DLM may do, except refusals.
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
            declared_dead: 0,
            strangers: &[],
            recover: 0,
            reported_first: true,
            evictions: false,
            faults: 0,
        }
    }
}

/// One step of the model. The first number is the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A task begins its next operation; true: by taking the lock before the page cache.
    Start(u8, u8, bool),
    /// A task runs.
    Step(u8, u8),
    /// A refresh of this task fails, or the worker's writeback.
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
    /// fs/dlm finishes a cancel that came too late.
    Digest(u8),
    /// A clean folio is reclaimed. (Or: the next read is for another folio.)
    Reclaim(u8),
    /// Eviction begins, or goes on.
    Evict(u8),
    /// The node dies.
    Die(u8),
    /// The node is declared dead, but lives.
    DeclareDead(u8),
    /// A stranger dies.
    Stranger(u8),
    /// The stack tells a node that a node is down.
    Report(u8, u8),
    /// A node begins to read the slot map, or has read it.
    SlotMap(u8),
    /// The DLM drops the locks of a node that died.
    Recover(u8),
    /// Time passes until the next timer.
    Tick,
}

/// A state of the model.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub now: u64,
    pub nodes: Vec<Node>,
    pub dlm: Dlm,
    pub deaths: u8,
    pub declared_dead: u8,
    /// Nodes in the slot map. Here as in the next three, nodes are bits, then come strangers.
    pub slots: u8,
    /// Strangers that live.
    pub strangers: u8,
    /// Died, and the DLM still has their locks.
    pub dying: u8,
    /// Died with changes in their journals that nobody has replayed.
    pub in_journal: u8,
    pub faults: u8,
    /// What was found wrong during a step.
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
        let mut nodes: Vec<_> = config.nodes.iter().map(|r| Node::new(r, policy)).collect();
        for (n, node) in nodes.iter_mut().enumerate() {
            node.members.set_this_node(n as u32);
        }
        let strangers = (0u8..).zip(config.strangers);
        let with_slot = strangers.filter(|(_, has_slot)| **has_slot);
        let slots = with_slot.fold(0, |bits, (i, _)| bits | bit(NODES as u8 + i));
        Cluster {
            now: 0,
            nodes,
            dlm: Dlm::new(),
            deaths: config.deaths,
            declared_dead: config.declared_dead,
            slots: slots | (bit(config.nodes.len() as u8) - 1),
            strangers: bit(config.strangers.len() as u8) - 1,
            dying: 0,
            in_journal: 0,
            faults: config.faults,
            misuse: None,
        }
    }

    /// All possible actions, in a fixed order.
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
            if self.declared_dead > 0 && !node.expelled {
                out.push(Action::DeclareDead(n));
            }
            self.member_events(n, node, out);
            self.evict_events(config, n, node, out);
            let folio = node.folio;
            if config.reclaim && folio.uptodate && !folio.dirty && folio.locked.is_none() {
                out.push(Action::Reclaim(n));
            }
        }
        for n in 0..self.nodes.len() as u8 {
            let told = |node: &Node| !node.alive || node.expelled || node.reports & bit(n) == 0;
            let all_told = !config.reported_first || self.nodes.iter().all(told);
            if self.dying & bit(n) != 0 && all_told {
                out.push(Action::Recover(n));
            }
        }
        let strangers = 0..config.strangers.len() as u8;
        let living = strangers.filter(|i| self.strangers & bit(*i) != 0);
        out.extend(living.map(Action::Stranger));
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

    fn member_events(&self, n: u8, node: &Node, out: &mut Vec<Action>) {
        let reports = (0..u8::BITS as u8).filter(|who| node.reports & bit(*who) != 0);
        out.extend(reports.map(|who| Action::Report(n, who)));
        if node.reading.is_some() || node.members.suspects().is_some() {
            out.push(Action::SlotMap(n));
        }
    }

    /// The number of operations that have begun and not ended.
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
                if node.evict == Evict::No {
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
            Evict::No => config.evictions && idle,
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

    /// Whether an operation or an eviction has begun and not ended.
    pub fn busy(&self) -> bool {
        self.nodes
            .iter()
            .any(|n| n.alive && (n.evict != Evict::No || n.tasks.iter().any(|t| t.pc != Pc::Idle)))
    }

    /// Everything that decides what follows, with the nodes in the given order.
    pub fn key<H: Hasher>(&self, order: &[usize], h: &mut H) {
        for n in order {
            self.nodes[*n].key(self.now, h);
        }
        self.dlm.key(order, h);
        (self.slots, self.strangers, self.dying, self.in_journal).hash(h);
        (self.deaths, self.declared_dead, self.faults, self.misuse).hash(h);
    }
}

/// A node, as a bit.
pub fn bit(n: u8) -> u8 {
    1 << n
}

/// The nodes in their own order.
pub const IN_ORDER: [usize; NODES] = [0, 1, 2];

impl Hash for Cluster {
    fn hash<H: Hasher>(&self, h: &mut H) {
        self.key(&IN_ORDER[..self.nodes.len()], h);
    }
}

/// Equal in everything that decides what follows.
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
