// SPDX-License-Identifier: GPL-2.0-only
//! The volume as a whole: superblock, slot map, system files, and the checksums of blocks.
//!
//! Uses `base`, `inode` and `dir`.

pub mod block_check;
pub mod slot_map;
pub mod superblock;
pub mod system_inodes;

use super::{base, dir, inode};
