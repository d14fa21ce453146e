// SPDX-License-Identifier: GPL-2.0-only
//! Inodes in memory: their cluster locks, and the metadata that is kept under them.
//!
//! Uses `volume` and below.

pub(crate) mod attributes;
mod cache;
pub(crate) mod corrupt;
pub(crate) mod flush;
pub(crate) mod guards;
pub(crate) mod inode;
pub(crate) mod log;
pub(crate) mod metadata;
pub(crate) mod slot_owners;
pub(crate) mod snapshot;
pub(crate) mod store;
