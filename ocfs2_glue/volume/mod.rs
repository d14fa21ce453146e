// SPDX-License-Identifier: GPL-2.0-only
//! What all inodes of a mounted volume share.
//!
//! Uses `cluster` and below.

pub(crate) mod mounted;
pub(crate) mod settings;
pub(crate) mod unused;
mod volume;

pub(crate) use volume::{Volume, MAX_MAP_BLOCKS};
