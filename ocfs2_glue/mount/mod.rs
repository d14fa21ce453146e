// SPDX-License-Identifier: GPL-2.0-only
//! Mount and unmount: superblock, options, features, slot and journal.
//!
//! Uses everything; nothing uses it.

mod features;
mod journal;
mod options;
mod probe;
mod recovery;
mod slot;
pub(crate) mod slots;
mod statfs;
mod super_block;
mod system_files;
