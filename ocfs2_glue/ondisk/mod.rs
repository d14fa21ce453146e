// SPDX-License-Identifier: GPL-2.0-only
//! The OCFS2 disk format, checked once at the door.
//!
//! Kernel-free: `core` alone, no allocation, its own error type, no panics for any bytes. The same
//! files build into the module and, under cargo, into the host tests. Inside this directory paths
//! are relative (`super::`), because the crate around it differs.
//!
//! Facts come from `srctree/fs/ocfs2/ocfs2_fs.h` and are named by its terms.

mod tree_edit;

pub mod block_check;
pub mod bytes;
pub mod chain;
pub mod chain_list;
pub mod dinode;
pub mod dinode_edit;
pub mod dir_block;
pub mod dirent;
pub mod dx;
pub mod dx_edit;
pub mod dx_grow;
pub mod dx_hash;
pub mod error;
pub mod extent;
pub mod features;
pub mod file_type;
pub mod geometry;
pub mod group;
pub mod local_alloc;
pub mod lock_name;
pub mod lvb;
pub mod slot_map;
pub mod store;
pub mod suballoc;
pub mod superblock;
pub mod symlink;
pub mod system_inodes;
pub mod tree;
pub mod tree_insert;
pub mod tree_truncate;
pub mod truncate_log;
