// SPDX-License-Identifier: GPL-2.0-only
//! A trace in two columns: the task whose operation doesn't end, and all others.

use crate::graph::{play, Graph};
use crate::live::Lasso;
use crate::node::Who;
use crate::world::{Log, World};
use std::fmt::Write;

/// Where the right column begins.
const COLUMN: usize = 44;
const WIDTH: usize = 92;

/// A trace with that task on the left.
pub struct Trace<'a, W> {
    pub world: &'a W,
    /// Node and task.
    pub victim: (usize, usize),
}

impl<W: World> Trace<'_, W> {
    fn name(&self, n: usize, who: Who) -> String {
        match who {
            Who::Task(t) => self.world.role(n, t.into()).into(),
            Who::Worker => "worker".into(),
            Who::Evict => "eviction".into(),
            Who::Disk => "memory".into(),
        }
    }

    fn head(&self) -> String {
        let (n, t) = self.victim;
        let left = format!("{} on node {}", self.world.role(n, t), n + 1);
        let right = format!("downconvert worker on node {}, and others", n + 1);
        let mut out = format!("{left:COLUMN$}{right}\n");
        let _ = writeln!(
            out,
            "{:COLUMN$}{}",
            "-".repeat(left.len()),
            "-".repeat(right.len())
        );
        out
    }

    fn rows(&self, log: &Log) -> String {
        let mut out = String::new();
        let (victim, task) = self.victim;
        for (n, who, what) in &log.lines {
            if (*n, *who) == (victim, Who::Task(task as u8)) {
                wrap(&mut out, 0, what);
                continue;
            }
            let worker = *who == Who::Worker;
            let text = match (*n == victim, worker || what.starts_with('(')) {
                (true, true) => what.clone(),
                (true, false) => format!("{}: {what}", self.name(*n, *who)),
                (false, _) => format!("node {}, {}: {what}", n + 1, self.name(*n, *who)),
            };
            wrap(&mut out, COLUMN, &text);
        }
        out
    }

    /// The path to a state in which a property doesn't hold.
    pub fn deadlock(&self, graph: &Graph, end: u32) -> String {
        let mut log = Log::on();
        play(self.world, self.world.start(), &graph.way(end), &mut log);
        format!("{}{}", self.head(), self.rows(&log))
    }

    /// The path to a cycle, and the cycle.
    pub fn livelock(&self, graph: &Graph, lasso: &Lasso) -> String {
        let mut log = Log::on();
        let start = self.world.start();
        let at = play(self.world, start, &graph.way(lasso.start), &mut log);
        let before = self.rows(&log);
        log.lines.clear();
        play(self.world, at, &lasso.cycle, &mut log);
        let again = self.rows(&log);
        let mark = format!("{} and from here again and again:\n", "-".repeat(8));
        format!("{}{before}{mark}{again}", self.head())
    }
}

/// One cell, broken into lines.
fn wrap(out: &mut String, indent: usize, text: &str) {
    let width = if indent == 0 {
        COLUMN - 2
    } else {
        WIDTH - COLUMN
    };
    let mut line = String::new();
    let mut first = true;
    let mut flush = |line: &mut String, first: &mut bool| {
        let hang = if *first { "" } else { "  " };
        let _ = writeln!(out, "{}{hang}{line}", " ".repeat(indent));
        line.clear();
        *first = false;
    };
    for word in text.split(' ') {
        if !line.is_empty() && line.len() + 1 + word.len() > width - 2 {
            flush(&mut line, &mut first);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    flush(&mut line, &mut first);
}
