// SPDX-License-Identifier: GPL-2.0-only
//! Mount and unmount: superblock, options, features, slot and journal.
//!
//! Uses everything; nothing uses it.

mod export;
mod features;
mod journal;
mod options;
mod probe;
mod slot;
pub(crate) mod slots;
mod statfs;
mod super_block;
mod system_files;
