// SPDX-License-Identifier: GPL-2.0-only
//! Inodes as they come and go, and their attributes.
//!
//! Uses `data` and below.

pub(crate) mod attr;
pub(crate) mod evict;
pub(crate) mod iget;
