// SPDX-License-Identifier: GPL-2.0-only
//! Every interleaving of a small cluster whose nodes decide with ocfs2_glue/lockres.
//!
//! - `dlm.rs`: a DLM of one resource that may do whatever o2dlm or fs/dlm may.
//! - `node.rs`, `steps.rs`, `events.rs`: a node with one folio, tasks and a downconvert worker.
//! - `cluster.rs`: the whole, and what can happen next.
//! - `check.rs`: what must hold in every state; the model for stateright.
//! - `world.rs`, `graph.rs`, `live.rs`: the states as a graph, and whether everybody gets through.
//! - `trace.rs`: what was found, in two columns.
#![forbid(unsafe_code)]

pub mod alternatives;
pub mod check;
pub mod cluster;
pub mod dlm;
pub mod docs;
pub mod events;
pub mod graph;
pub mod live;
pub mod node;
pub mod run;
pub mod scheme;
mod scheme_steps;
pub mod steps;
pub mod suite;
pub mod trace;
pub mod world;
