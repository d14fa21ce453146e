// SPDX-License-Identifier: GPL-2.0-only
//! Inodes on disk: the dinode, its changes, the targets of symlinks.
//!
//! Uses `base`.

pub mod dinode;
pub mod edit;
pub mod symlink;

use super::base;
