// SPDX-License-Identifier: GPL-2.0-only
//! Safe abstractions over the kernel's VFS, block and cluster interfaces.
//!
//! All `unsafe` and all `bindings::` of the module are here: one file for one kernel object. Only
//! what the file systems of this tree call exists. Each C table is mirrored by one trait; each
//! object is borrowed for the callback it was passed to, unless C counts its references.
//!
//! - `fs`: superblocks, inodes, files, folios; a trait for each table of operations
//! - `block`, `jbd2`: buffer heads, the journal
//! - `dlm`: the cluster and its locks
//! - `sync`: wait queues, work for later
//! - `nofs`, `pinned`: allocations that don't call file systems; fields of pinned structs
//! - `counters`, `debugfs`, `trace`: what one sees of it from outside
//! - `tests`: KUnit

pub(crate) mod block;
pub(crate) mod counters;
pub(crate) mod debugfs;
pub(crate) mod dlm;
pub(crate) mod fs;
pub(crate) mod jbd2;
pub(crate) mod nofs;
pub(crate) mod pinned;
pub(crate) mod sync;
#[cfg(GLUE_KUNIT)]
mod tests;
pub(crate) mod trace;
