// SPDX-License-Identifier: GPL-2.0-only
//! Whether every operation ends, if every process gets its turns.
//!
//! An operation starves if there is a cycle of states in which it doesn't end, and which a fair
//! scheduler can repeat for ever. Fair means: a process that can act all the time acts at some
//! time. The kernel's wait queue grants a folio lock in order, so a task that can have one again
//! and again gets it at some time as well. Tasks needn't begin operations, be killed, or fail. A
//! folio that is reclaimed each time between a fault's two halves doesn't count: no file system can
//! help that.

use crate::graph::{Edge, Graph};
use crate::world::{strict, Process, FREE, RARE};
use std::collections::{HashMap, HashSet, VecDeque};

/// A cycle that may be repeated for ever.
pub struct Lasso {
    /// The state it begins and ends with.
    pub start: u32,
    /// The numbers of its actions.
    pub cycle: Vec<u8>,
}

/// A fair cycle in which the operation of `process` doesn't end.
pub fn starves(graph: &Graph, process: Process, scratch: &mut Scratch) -> Option<Lasso> {
    let bit = 1u64 << process;
    let ids = 0..graph.len() as u32;
    let within: Vec<u32> = ids
        .filter(|id| graph.pending[*id as usize] & bit != 0)
        .collect();
    let mut work = vec![within];
    while let Some(states) = work.pop() {
        for part in components(graph, &states, scratch) {
            scratch.only(&part);
            match judge(graph, &part, scratch) {
                Verdict::Fair => return Some(lasso(graph, &part)),
                Verdict::Unfair => {}
                Verdict::Without(rest) => work.push(rest),
            }
        }
    }
    None
}

enum Verdict {
    Fair,
    Unfair,
    /// Fair perhaps without the states in which a process can act that never does.
    Without(Vec<u32>),
}

fn judge(graph: &Graph, part: &[u32], scratch: &Scratch) -> Verdict {
    let mut always = u64::MAX;
    let mut sometimes = 0;
    let mut taken = 0;
    for id in part {
        always &= graph.enabled[*id as usize];
        sometimes |= graph.enabled[*id as usize];
        for edge in graph.steps(*id) {
            if edge.process != RARE && scratch.has(edge.to) {
                taken |= 1u64 << edge.process;
            }
        }
    }
    if taken == 0 || always & !taken & !(1 << FREE) != 0 {
        return Verdict::Unfair;
    }
    let missed = sometimes & !taken;
    let must = (0..FREE).filter(|p| strict(*p) && missed & (1 << p) != 0);
    let mask = must.fold(0u64, |mask, p| mask | 1 << p);
    if mask == 0 {
        return Verdict::Fair;
    }
    let rest = part
        .iter()
        .filter(|id| graph.enabled[**id as usize] & mask == 0);
    Verdict::Without(rest.copied().collect())
}

const NEW: u32 = u32::MAX;

/// What Tarjan's algorithm remembers of a state.
#[derive(Clone, Copy)]
struct Seen {
    index: u32,
    low: u32,
    stacked: bool,
}

/// Memory for all states, allocated once.
pub struct Scratch {
    seen: Vec<Seen>,
    marks: Vec<u32>,
    mark: u32,
}

impl Scratch {
    pub fn new(graph: &Graph) -> Self {
        let seen = Seen {
            index: NEW,
            low: 0,
            stacked: false,
        };
        Scratch {
            seen: vec![seen; graph.len()],
            marks: vec![0; graph.len()],
            mark: 0,
        }
    }

    /// Restricts the search to these states.
    fn only(&mut self, states: &[u32]) {
        self.mark += 1;
        for id in states {
            self.marks[*id as usize] = self.mark;
            self.seen[*id as usize].index = NEW;
        }
    }

    fn has(&self, id: u32) -> bool {
        self.marks[id as usize] == self.mark
    }
}

/// Tarjan's strongly connected components, without recursion.
fn components(graph: &Graph, states: &[u32], scratch: &mut Scratch) -> Vec<Vec<u32>> {
    scratch.only(states);
    let mut stack = Vec::new();
    let mut parts = Vec::new();
    let mut count = 0;
    let mut calls: Vec<(u32, usize)> = Vec::new();
    for root in states {
        if scratch.seen[*root as usize].index != NEW {
            continue;
        }
        calls.push((*root, 0));
        while let Some((id, at)) = calls.pop() {
            if at == 0 {
                scratch.seen[id as usize] = Seen {
                    index: count,
                    low: count,
                    stacked: true,
                };
                count += 1;
                stack.push(id);
            }
            if let Some((at, child)) = descend(graph, id, at, scratch) {
                calls.push((id, at));
                calls.push((child, 0));
                continue;
            }
            let Seen { index, low, .. } = scratch.seen[id as usize];
            if let Some((parent, _)) = calls.last() {
                let parent = &mut scratch.seen[*parent as usize];
                parent.low = parent.low.min(low);
            }
            if index == low {
                let from = stack.iter().rposition(|s| *s == id).unwrap_or(0);
                let part = stack.split_off(from);
                for member in &part {
                    scratch.seen[*member as usize].stacked = false;
                }
                parts.push(part);
            }
        }
    }
    parts
}

/// The next edge of a state that leads to one not seen yet.
fn descend(graph: &Graph, id: u32, at: usize, scratch: &mut Scratch) -> Option<(usize, u32)> {
    for (i, edge) in graph.steps(id).iter().enumerate().skip(at) {
        if edge.process == RARE || !scratch.has(edge.to) {
            continue;
        }
        let to = scratch.seen[edge.to as usize];
        if to.index == NEW {
            return Some((i + 1, edge.to));
        }
        if to.stacked {
            let seen = &mut scratch.seen[id as usize];
            seen.low = seen.low.min(to.index);
        }
    }
    None
}

/// A short cycle in a fair component, in which each process acts, or is unable to.
fn lasso(graph: &Graph, part: &[u32]) -> Lasso {
    let members: HashSet<u32> = part.iter().copied().collect();
    // States were numbered breadth first: the lowest is the nearest to the beginning.
    let start = part.iter().copied().min().unwrap_or(0);
    let mut cycle = Vec::new();
    let mut at = start;
    let mut excused = !graph.enabled[at as usize];
    for process in 0..FREE {
        if excused & (1 << process) != 0 {
            continue;
        }
        let wanted = |id: u32, edge: Option<&Edge>| match edge {
            Some(edge) => edge.process == process,
            None => graph.enabled[id as usize] & (1 << process) == 0 && !strict(process),
        };
        if let Some((way, end)) = walk(graph, &members, at, wanted) {
            for step in &way {
                let edge = graph.steps(at)[usize::from(*step)];
                excused |= 1 << edge.process;
                at = edge.to;
                excused |= !graph.enabled[at as usize];
            }
            cycle.extend(way);
            at = end;
        }
    }
    if at != start || cycle.is_empty() {
        let back = |_: u32, edge: Option<&Edge>| edge.is_some_and(|e| e.to == start);
        if let Some((way, _)) = walk(graph, &members, at, back) {
            cycle.extend(way);
        }
    }
    Lasso { start, cycle }
}

/// The shortest path inside the component to a state, or over an edge, that `wanted` accepts.
fn walk(
    graph: &Graph,
    members: &HashSet<u32>,
    from: u32,
    wanted: impl Fn(u32, Option<&Edge>) -> bool,
) -> Option<(Vec<u8>, u32)> {
    let mut came: HashMap<u32, (u32, u8)> = HashMap::new();
    let mut queue = VecDeque::from([from]);
    let trail = |came: &HashMap<u32, (u32, u8)>, mut id: u32| {
        let mut way = Vec::new();
        while id != from {
            let (parent, step) = came[&id];
            way.push(step);
            id = parent;
        }
        way.reverse();
        way
    };
    while let Some(id) = queue.pop_front() {
        if wanted(id, None) {
            return Some((trail(&came, id), id));
        }
        for (i, edge) in graph.steps(id).iter().enumerate() {
            if edge.process == RARE || !members.contains(&edge.to) {
                continue;
            }
            if wanted(id, Some(edge)) {
                let mut way = trail(&came, id);
                way.push(i as u8);
                return Some((way, edge.to));
            }
            if edge.to != from && !came.contains_key(&edge.to) {
                came.insert(edge.to, (id, i as u8));
                queue.push_back(edge.to);
            }
        }
    }
    None
}
