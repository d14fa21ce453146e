// SPDX-License-Identifier: GPL-2.0-only
//! What must hold in every state, and the model as stateright sees it.

use crate::cluster::{Action, Cluster, Config, IN_ORDER};
use crate::node::{Evict, Node, Pc, Role};
use crate::steps::apply;
use crate::world::{process, turn, Log, Mix, Process, World, FREE, RARE, TICK};
use ocfs2_lockres_host::lockres::{Level, Mode, State, WaiterState};
use stateright::{Model, Property};
use std::hash::Hasher;

/// The most retries of one operation for each time the lock is taken away.
const RETRIES: u8 = 2;

/// A node that is alive, and that the others don't take for dead.
fn sound(node: &Node) -> bool {
    node.alive && !node.expelled
}

/// No node holds EX while another holds anything.
fn exclusive(c: &Cluster) -> bool {
    let holds = |n: &&Node| n.machine.holders() != (0, 0);
    let holding = c.nodes.iter().filter(|n| sound(n)).filter(holds).count();
    let mut nodes = c.nodes.iter().filter(|n| sound(n));
    holding < 2 || !nodes.any(|n| n.machine.holders().1 > 0)
}

/// A folio is uptodate only while the DLM has granted PR or EX.
fn readable_under_lock(c: &Cluster) -> bool {
    let mut nodes = c.nodes.iter().zip(&c.dlm.locks);
    nodes.all(|(n, lock)| !sound(n) || !n.folio.uptodate || lock.level >= Level::Pr)
}

/// A folio is dirty, or mapped writable, only while the DLM has granted EX.
fn dirty_under_ex(c: &Cluster) -> bool {
    let mut nodes = c.nodes.iter().zip(&c.dlm.locks);
    nodes
        .all(|(n, lock)| !sound(n) || !(n.folio.dirty || n.folio.mapped) || lock.level == Level::Ex)
}

/// No task works with stale attributes, from the LVB or from an earlier grant.
fn fresh(c: &Cluster) -> bool {
    c.nodes.iter().filter(|n| sound(n)).all(|n| {
        n.tasks.iter().all(|t| match &t.pc {
            Pc::Reading(h) | Pc::Ready(h, _) | Pc::Writing(h) => n.meta && !h.must_refresh(),
            _ => true,
        })
    })
}

/// The DLM has granted the level that the machine believes to have.
fn granted(c: &Cluster) -> bool {
    let mut nodes = c.nodes.iter().zip(&c.dlm.locks);
    nodes.all(|(n, lock)| {
        let going = matches!(n.machine.state(), State::Downconverting { .. });
        !sound(n) || going || n.machine.level() <= lock.level
    })
}

fn few_retries(c: &Cluster) -> bool {
    let mut tasks = c.nodes.iter().flat_map(|n| &n.tasks);
    tasks.all(|t| t.retries <= RETRIES)
}

/// When another node waits, each task delays it with a ticket once at most, and the worker runs
/// again no later than the tickets expire.
fn tickets_end(c: &Cluster, config: &Config) -> bool {
    let ticket_ns = config.policy.ticket_ns;
    let slice_ns = config.policy.slice_ns;
    // fs/dlm gets 20 ms to finish a cancel.
    let busy_ns = if config.flavour.busy { 20_000_000 } else { 1 };
    c.nodes.iter().filter(|n| sound(n)).all(|n| {
        let (pr, ex) = n.machine.holders();
        let held = match n.machine.blocking() {
            Some(Mode::Ex) => pr + ex > 0,
            Some(Mode::Pr) => ex > 0,
            None => return true,
        };
        let still = matches!(n.machine.state(), State::Held { .. });
        let refreshing = n.tasks.iter().any(|t| matches!(t.pc, Pc::Got(..)));
        let leaving = matches!(n.evict, Evict::Closing(_));
        let idle = still && !held && !refreshing && !leaving && n.calling.is_none();
        let told = n
            .timer
            .is_some_and(|at| at <= c.now + ticket_ns.max(slice_ns).max(busy_ns));
        let few = slice_ns > 0 || usize::from(n.late_tickets) <= n.tasks.len();
        (!idle || told || c.faults < config.faults) && few
    })
}

/// An action is possible, unless no operation has begun.
fn alive(c: &Cluster, config: &Config) -> bool {
    if !c.busy() {
        return true;
    }
    let mut all = Vec::new();
    c.enabled(config, &mut all);
    let by_itself = |a: &Action| {
        !matches!(
            a,
            Action::Start(..)
                | Action::Kill(..)
                | Action::Die(_)
                | Action::DeclareDead(_)
                | Action::Stranger(_)
                | Action::Reclaim(_)
        )
    };
    all.iter().any(by_itself)
}

/// A hold stays counted until its task releases it, whatever happens to this node or another. (The
/// machine itself checks that its level allows all holds.)
fn holds_counted(c: &Cluster) -> bool {
    c.nodes.iter().filter(|n| n.alive).all(|n| {
        let reserved = n.tasks.iter().filter(|t| match &t.pc {
            Pc::Asleep(w, ..) => n.machine.waiter_state(w) == WaiterState::Reserved,
            _ => false,
        });
        let out = (0..n.tasks.len()).filter(|t| n.hold(*t).is_some()).count();
        let (pr, ex) = n.machine.holders();
        reserved.count() + out == (pr + ex) as usize
    })
}

/// The properties by name.
pub type Check = (&'static str, fn(&Cluster, &Config) -> bool);

/// All of them, the cheap ones first.
pub const CHECKS: [Check; 11] = [
    ("the machine finds every event right", |c, _| {
        c.misuse.is_none()
    }),
    ("the machines agree with themselves", |c, _| {
        c.nodes.iter().all(|n| n.machine.check().is_none())
    }),
    ("EX excludes all other nodes", |c, _| exclusive(c)),
    ("no holder is cut off", |c, _| holds_counted(c)),
    ("what is held is granted", |c, _| granted(c)),
    ("uptodate only under PR or EX", |c, _| {
        readable_under_lock(c)
    }),
    ("dirty only under EX", |c, _| dirty_under_ex(c)),
    ("nobody uses a stale inode", |c, _| fresh(c)),
    ("at most two retries a revocation", |c, _| few_retries(c)),
    (
        "tickets hold up a downconvert for a bounded time",
        tickets_end,
    ),
    ("no deadlock", alive),
];

/// The property that doesn't hold in this state.
pub fn broken(c: &Cluster, config: &Config) -> Option<&'static str> {
    let wrong = |check: &&Check| !(check.1)(c, config);
    CHECKS.iter().find(wrong).map(|check| check.0)
}

impl Model for Config {
    type State = Cluster;
    type Action = Action;

    fn init_states(&self) -> Vec<Cluster> {
        vec![Cluster::new(self)]
    }

    fn actions(&self, state: &Cluster, actions: &mut Vec<Action>) {
        state.enabled(self, actions);
    }

    fn next_state(&self, last: &Cluster, action: Action) -> Option<Cluster> {
        Some(apply(self, last, action, &mut Log::default()))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("sound", |config, c| {
            broken(c, config).is_none()
        })]
    }
}

/// The orders of two nodes, and of three.
const ORDERS: [&[usize]; 8] = [
    &[0, 1],
    &[1, 0],
    &[0, 1, 2],
    &[0, 2, 1],
    &[1, 0, 2],
    &[1, 2, 0],
    &[2, 0, 1],
    &[2, 1, 0],
];

impl World for Config {
    type State = Cluster;
    type Action = Action;

    fn start(&self) -> Cluster {
        Cluster::new(self)
    }

    fn enabled(&self, state: &Cluster, out: &mut Vec<Action>) {
        state.enabled(self, out);
    }

    fn next(&self, state: &Cluster, action: Action, log: &mut Log) -> Cluster {
        apply(self, state, action, log)
    }

    fn process(&self, action: Action) -> Process {
        let (n, turn) = match action {
            Action::Step(n, t) => (n, t),
            Action::Work(n) => (n, turn::WORKER),
            Action::Evict(n) => (n, turn::EVICT),
            Action::Arrive(n) | Action::Return(n) => (n, turn::CALL),
            Action::Ast(n) => (n, turn::AST),
            Action::Bast(n) => (n, turn::BAST),
            Action::UnlockAst(n) => (n, turn::UNLOCK_AST),
            Action::Digest(n) => (n, turn::DIGEST),
            Action::Tick => return TICK,
            Action::Start(..) | Action::Kill(..) | Action::Fault(..) => return FREE,
            Action::Die(_) | Action::DeclareDead(_) | Action::Stranger(_) => return FREE,
            Action::Report(n, _) => (n, turn::REPORT),
            Action::SlotMap(n) => (n, turn::SLOT_MAP),
            Action::Recover(n) => (n, turn::RECOVER),
            Action::Reclaim(_) => return RARE,
        };
        process(n.into(), turn)
    }

    fn pending(&self, state: &Cluster) -> u64 {
        let mut bits = 0;
        for (n, node) in state.nodes.iter().enumerate() {
            for (t, task) in node.tasks.iter().enumerate() {
                bits |= u64::from(task.pc != Pc::Idle) << process(n, t as u8);
            }
            bits |= u64::from(node.evict != Evict::No) << process(n, turn::EVICT);
        }
        bits
    }

    fn broken(&self, state: &Cluster) -> Option<&'static str> {
        broken(state, self)
    }

    fn print(&self, state: &Cluster) -> u64 {
        let print = |order: &[usize]| {
            let mut h = Mix::default();
            state.key(order, &mut h);
            h.finish()
        };
        let orders = match (self.alike, state.nodes.len()) {
            (false, _) => return print(&IN_ORDER[..state.nodes.len()]),
            (true, 2) => &ORDERS[..2],
            (true, _) => &ORDERS[2..],
        };
        orders.iter().map(|o| print(o)).min().unwrap_or_default()
    }

    fn role(&self, n: usize, t: usize) -> &'static str {
        match self.nodes[n][t] {
            Role::Reader => "reader",
            Role::Writer => "writer",
            Role::Mapper => "write fault",
        }
    }
}
