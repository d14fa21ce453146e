// SPDX-License-Identifier: GPL-2.0-only
//! All reachable states as a graph, breadth first, so that the path to each is a shortest one.
//!
//! stateright checks what holds in every state but can't tell a fair cycle from an unfair one
//! (its "eventually" looks only at paths that end), so the graph is kept here for live.rs.

use crate::world::{Log, Process, World, FREE, RARE};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

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
    /// The processes that can act.
    pub enabled: Vec<u64>,
    /// The operations that have begun and not ended.
    pub pending: Vec<u64>,
    /// From where, and by which of its actions, each was first reached.
    parent: Vec<(u32, u8)>,
    /// The first state in which a property doesn't hold, and the property.
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

/// Explores all states, or until a property doesn't hold. Without `edges` the graph can't be used
/// for liveness.
pub fn explore<W: World>(world: &W, edges: bool) -> Graph {
    let mut graph = Graph {
        first: vec![0],
        edges: Vec::new(),
        enabled: Vec::new(),
        pending: Vec::new(),
        parent: vec![(0, 0)],
        broken: None,
    };
    let start = world.start();
    let mut seen: HashMap<u64, u32, BuildHasherDefault<AsIs>> = HashMap::default();
    seen.insert(world.print(&start), 0);
    let mut queue = VecDeque::from([start]);
    let mut actions = Vec::new();
    let mut log = Log::default();
    let mut count = 0u32;
    while let Some(state) = queue.pop_front() {
        let id = count;
        if let Some(what) = world.broken(&state) {
            graph.broken = Some((id, what));
            return graph;
        }
        world.enabled(&state, &mut actions);
        let mut bits = 0;
        for (i, action) in actions.iter().enumerate() {
            let next = world.next(&state, *action, &mut log);
            let process = world.process(*action);
            bits |= 1u64 << process;
            let fresh = graph.parent.len() as u32;
            let to = *seen.entry(world.print(&next)).or_insert(fresh);
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
            graph.pending.push(world.pending(&state));
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
pub fn play<W: World>(world: &W, mut state: W::State, way: &[u8], log: &mut Log) -> W::State {
    let mut actions = Vec::new();
    for i in way {
        world.enabled(&state, &mut actions);
        state = world.next(&state, actions[usize::from(*i)], log);
    }
    state
}
