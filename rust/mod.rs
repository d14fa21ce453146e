// SPDX-License-Identifier: GPL-2.0-only
//! Safe abstractions over the kernel's VFS, block and cluster interfaces.
//!
//! All `unsafe` and all `bindings::` of the module are here: one file for one kernel object. Only
//! what the file systems of this tree call exists. Each C table is mirrored by one trait; each
//! object is borrowed for the callback it was passed to, unless C counts its references.

pub(crate) mod address_space;
pub(crate) mod buffer_head;
pub(crate) mod counters;
pub(crate) mod debugfs;
pub(crate) mod delayed_work;
pub(crate) mod dir;
pub(crate) mod file;
pub(crate) mod folio;
pub(crate) mod fs_context;
pub(crate) mod inode;
pub(crate) mod inode_ref;
pub(crate) mod jbd2;
pub(crate) mod lksb;
pub(crate) mod memory;
pub(crate) mod nofs;
pub(crate) mod pinned;
pub(crate) mod stackglue;
pub(crate) mod super_block;
pub(crate) mod tables;
#[cfg(GLUE_KUNIT)]
mod tests;
pub(crate) mod time;
pub(crate) mod trace;
pub(crate) mod wait;
pub(crate) mod workqueue;
