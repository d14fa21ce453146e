// SPDX-License-Identifier: GPL-2.0-only
//! Does everybody who wants something get it, if everybody else gets a turn?
//!
//! An operation starves if there is a cycle of states in which it is under way throughout, and
//! which a fair scheduler may go round for ever. Fair is: whoever can do something all the time
//! does it at some time. A folio lock is handed over in order by the kernel's wait queue, so a
//! task that can have one again and again gets it at some time as well. Nobody has to begin an
//! operation, to be killed, or to fail. A folio that goes for lack of memory just between a fault's
//! two halves, every time, isn't counted: no file system could help that.

use crate::graph::{Edge, Graph};
use crate::world::{strict, Process, FREE, RARE};
use std::collections::{HashMap, HashSet, VecDeque};

/// A cycle that may be gone round for ever.
pub struct Lasso {
    /// The state it begins and ends with.
    pub start: u32,
    /// The numbers of its actions.
    pub cycle: Vec<u8>,
}

/// A fair cycle in which the operation of `process` is under way throughout.
pub fn starves(graph: &Graph, process: Process) -> Option<Lasso> {
    let bit = 1u64 << process;
    let ids = 0..graph.len() as u32;
    let within: Vec<u32> = ids
        .filter(|id| graph.pending[*id as usize] & bit != 0)
        .collect();
    let mut marks = vec![0u32; graph.len()];
    let mut mark = 0;
    let mut work = vec![within];
    while let Some(states) = work.pop() {
        mark += 1;
        for id in &states {
            marks[*id as usize] = mark;
        }
        for part in components(graph, &states, &marks, mark) {
            mark += 1;
            for id in &part {
                marks[*id as usize] = mark;
            }
            match judge(graph, &part, &marks, mark) {
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
    /// Only without the states in which somebody can do what he never does.
    Without(Vec<u32>),
}

fn inside<'a>(
    graph: &'a Graph,
    id: u32,
    marks: &'a [u32],
    mark: u32,
) -> impl Iterator<Item = (usize, &'a Edge)> {
    let edges = graph.steps(id).iter().enumerate();
    edges.filter(move |(_, e)| e.process != RARE && marks[e.to as usize] == mark)
}

fn judge(graph: &Graph, part: &[u32], marks: &[u32], mark: u32) -> Verdict {
    let mut always = u64::MAX;
    let mut sometimes = 0;
    let mut taken = 0;
    for id in part {
        always &= graph.enabled[*id as usize];
        sometimes |= graph.enabled[*id as usize];
        for (_, edge) in inside(graph, *id, marks, mark) {
            taken |= 1u64 << edge.process;
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

/// Tarjan's strongly connected components, without recursion.
fn components(graph: &Graph, states: &[u32], marks: &[u32], mark: u32) -> Vec<Vec<u32>> {
    const NEW: u32 = u32::MAX;
    let mut order: HashMap<u32, (u32, u32)> = HashMap::with_capacity(states.len());
    let mut on_stack: HashSet<u32> = HashSet::new();
    let mut stack = Vec::new();
    let mut parts = Vec::new();
    let mut count = 0;
    for root in states {
        if order.contains_key(root) {
            continue;
        }
        let mut calls = vec![(*root, 0usize, NEW)];
        while let Some((id, at, child)) = calls.pop() {
            if at == 0 {
                order.insert(id, (count, count));
                count += 1;
                stack.push(id);
                on_stack.insert(id);
            }
            if child != NEW {
                let low = order[&child].1;
                if let Some(entry) = order.get_mut(&id) {
                    entry.1 = entry.1.min(low);
                }
            }
            let mut next = None;
            for (i, edge) in graph.steps(id).iter().enumerate().skip(at) {
                if edge.process == RARE || marks[edge.to as usize] != mark {
                    continue;
                }
                match order.get(&edge.to).copied() {
                    None => {
                        next = Some((i + 1, edge.to));
                        break;
                    }
                    Some((index, _)) if on_stack.contains(&edge.to) => {
                        if let Some(entry) = order.get_mut(&id) {
                            entry.1 = entry.1.min(index);
                        }
                    }
                    Some(_) => {}
                }
            }
            if let Some((at, child)) = next {
                calls.push((id, at, child));
                calls.push((child, 0, NEW));
                continue;
            }
            let (index, low) = order[&id];
            if index == low {
                let mut part = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack.remove(&member);
                    part.push(member);
                    if member == id {
                        break;
                    }
                }
                parts.push(part);
            }
        }
    }
    parts
}

/// A short way round a fair component: everybody is seen doing something, or unable to.
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

/// The shortest way inside the component to a state, or over an edge, that is wanted.
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
