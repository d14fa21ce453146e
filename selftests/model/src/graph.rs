// SPDX-License-Identifier: GPL-2.0-only
//! All reachable states as a graph, breadth first, so that the way to each is a shortest one.
//!
//! stateright checks what holds in every state but can't tell a fair cycle from an unfair one
//! (its "eventually" looks only at paths that end), so the graph is kept here for live.rs.

use crate::check::broken;
use crate::cluster::{Action, Cluster, Config, IN_ORDER};
use crate::node::{Evict, Pc, Who, TASKS};
use crate::steps::{apply, Log};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// Somebody or something that gets its turn, as a bit number.
pub type Process = u8;

/// Bits for each node: tasks, then the worker, eviction, call, ast, bast, unlock ast, digest.
const PER_NODE: u8 = TASKS as u8 + 7;
/// Time.
pub const TICK: Process = 60;
/// Bad luck: it may happen at any time, but not every time just when it hurts.
pub const RARE: Process = 62;
/// Nobody is obliged to do this.
pub const FREE: Process = 63;

/// Whose turn an action is.
pub fn process(action: Action) -> Process {
    let tasks = TASKS as u8;
    let (n, bit) = match action {
        Action::Step(n, t) => (n, t),
        Action::Work(n) => (n, tasks),
        Action::Evict(n) => (n, tasks + 1),
        Action::Arrive(n) | Action::Return(n) => (n, tasks + 2),
        Action::Ast(n) => (n, tasks + 3),
        Action::Bast(n) => (n, tasks + 4),
        Action::UnlockAst(n) => (n, tasks + 5),
        Action::Digest(n) => (n, tasks + 6),
        Action::Tick => return TICK,
        Action::Start(..) | Action::Kill(..) | Action::Fault(..) => return FREE,
        Action::Die(_) | Action::Lose(_) => return FREE,
        Action::Reclaim(_) => return RARE,
    };
    n * PER_NODE + bit
}

/// The bit of a task.
pub fn task(n: usize, t: usize) -> Process {
    process(Action::Step(n as u8, t as u8))
}

/// The bit of an eviction.
pub fn eviction(n: usize) -> Process {
    process(Action::Evict(n as u8))
}

/// One step from a state.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub to: u32,
    pub process: Process,
}

/// The reachable states, numbered; not kept themselves.
pub struct Graph {
    /// Where each state's edges begin; one more at the end.
    pub first: Vec<u32>,
    pub edges: Vec<Edge>,
    /// Which processes can do something.
    pub enabled: Vec<u64>,
    /// Which operations are under way.
    pub pending: Vec<u64>,
    /// From where, and by which of its actions, each was first reached.
    parent: Vec<(u32, u8)>,
    /// The first state that is wrong, and how.
    pub broken: Option<(u32, &'static str)>,
}

/// Fingerprints are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// FxHash's mixing over what a state hashes, twice, so that a clash is out of the question.
struct Mix(u64, u64);

impl Mix {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        self.1 = (self.1.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.1 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 32) ^ self.1.rotate_left(17)
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word) ^ (chunk.len() as u64) << 56);
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.add(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.add(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        self.add(n);
    }
    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.add(n as u64);
    }
}

fn fingerprint(config: &Config, c: &Cluster) -> u64 {
    let print = |order: &[usize]| {
        let mut h = Mix(0, 0);
        c.key(order, &mut h);
        h.finish()
    };
    let here = print(&IN_ORDER[..c.nodes.len()]);
    if config.alike && c.nodes.len() == 2 {
        here.min(print(&[1, 0]))
    } else {
        here
    }
}

fn pending(c: &Cluster) -> u64 {
    let mut bits = 0;
    for (n, node) in c.nodes.iter().enumerate() {
        for (t, task_state) in node.tasks.iter().enumerate() {
            if task_state.pc != Pc::Idle {
                bits |= 1 << task(n, t);
            }
        }
        if node.evict != Evict::No {
            bits |= 1 << eviction(n);
        }
    }
    bits
}

/// Explores everything, or until something is wrong; without `edges` only what is needed to see
/// that nothing is.
pub fn explore(config: &Config, edges: bool) -> Graph {
    let mut graph = Graph {
        first: vec![0],
        edges: Vec::new(),
        enabled: Vec::new(),
        pending: Vec::new(),
        parent: vec![(0, 0)],
        broken: None,
    };
    let start = Cluster::new(config);
    let mut seen: HashMap<u64, u32, BuildHasherDefault<AsIs>> = HashMap::default();
    seen.insert(fingerprint(config, &start), 0);
    let mut queue = VecDeque::from([start]);
    let mut actions = Vec::new();
    let mut log = Log::default();
    let mut count = 0u32;
    while let Some(state) = queue.pop_front() {
        let id = count;
        if let Some(what) = broken(&state, config) {
            graph.broken = Some((id, what));
            return graph;
        }
        state.enabled(config, &mut actions);
        let mut bits = 0;
        for (i, action) in actions.iter().enumerate() {
            let next = apply(config, &state, *action, &mut log);
            let process = process(*action);
            bits |= 1u64 << process;
            let fresh = graph.parent.len() as u32;
            let to = *seen.entry(fingerprint(config, &next)).or_insert(fresh);
            if to == fresh {
                graph.parent.push((id, i as u8));
                queue.push_back(next);
            }
            if edges {
                graph.edges.push(Edge { to, process });
            }
        }
        count += 1;
        if edges {
            graph.enabled.push(bits & !(1 << FREE | 1 << RARE));
            graph.pending.push(pending(&state));
            graph.first.push(graph.edges.len() as u32);
        }
    }
    graph
}

impl Graph {
    /// How many states there are.
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Never; for clippy.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The edges of a state, each with the number of its action.
    pub fn steps(&self, id: u32) -> &[Edge] {
        let first = self.first[id as usize] as usize;
        let last = self.first[id as usize + 1] as usize;
        &self.edges[first..last]
    }

    /// The numbers of the actions that lead to a state.
    pub fn way(&self, mut id: u32) -> Vec<u8> {
        let mut way = Vec::new();
        while id != 0 {
            let (from, action) = self.parent[id as usize];
            way.push(action);
            id = from;
        }
        way.reverse();
        way
    }
}

/// Plays numbered actions from a state, with what happens.
pub fn play(config: &Config, mut state: Cluster, way: &[u8], log: &mut Log) -> Cluster {
    let mut actions = Vec::new();
    for i in way {
        state.enabled(config, &mut actions);
        state = apply(config, &state, actions[usize::from(*i)], log);
    }
    state
}

/// Must this one get its turn even if it can't take it all the time? Tasks and workers: a folio
/// lock is handed over in order. Time: it is only held up for moments.
pub fn strict(process: Process) -> bool {
    process == TICK || (process < TICK && process % PER_NODE <= TASKS as u8)
}

/// Names for messages.
pub fn who(process: Process) -> (usize, Who) {
    let (n, bit) = (process / PER_NODE, process % PER_NODE);
    let who = match bit {
        b if b < TASKS as u8 => Who::Task(b),
        b if b == TASKS as u8 + 1 => Who::Evict,
        _ => Who::Worker,
    };
    (usize::from(n), who)
}
