// SPDX-License-Identifier: GPL-2.0-only
//! Names: look-up, listing, creation.
//!
//! Uses `inode` and below.

pub(crate) mod create;
pub(crate) mod dentry;
pub(crate) mod dir;
pub(crate) mod dir_grow;
pub(crate) mod entries;
