// SPDX-License-Identifier: GPL-2.0-only
//! `srctree/include/linux/fs.h` and its neighbours.
//!
//! One file for one C object, or for one table of operations. A trait that mirrors a table has its
//! methods' names; what a file system leaves out isn't in the table, and the VFS does what it does
//! without. Each file uses those above it in this list, and no other:
//!
//! - `folio`: folios, and the rule when a task may wait for the cluster
//! - `file_system`: `struct file_system_type`; what all others are generic over
//! - `inode_count`, `super_block`: `struct super_block`
//! - `inode`, `inode_ref`: `struct inode`, and references to it
//! - `attr`, `create`: what stat(2) shows, and how that changes; what a new inode starts with
//! - `dentry`: `struct dentry` and `struct dentry_operations`
//! - `dir`: `struct dir_context`
//! - `extents`: SEEK_DATA, SEEK_HOLE, FIEMAP by `struct iomap_ops`
//! - `io`, `fault`, `file`: reads and writes, mappings (`struct vm_operations_struct`),
//!   `struct file_operations`
//! - `inode_operations`: `struct inode_operations`
//! - `get_block`, `aops`: buffer heads, `struct address_space_operations`
//! - `tables`: the tables that an inode gets
//! - `icache`: inodes by number, and their memory
//! - `super_operations`: `struct super_operations`
//! - `context`, `registration`: mounting
//! - `memory`: more for content in memory, which the test file system has

pub(crate) mod aops;
pub(crate) mod attr;
pub(crate) mod context;
pub(crate) mod create;
pub(crate) mod dentry;
pub(crate) mod dir;
pub(crate) mod extents;
pub(crate) mod fault;
pub(crate) mod file;
pub(crate) mod file_system;
pub(crate) mod folio;
pub(crate) mod get_block;
pub(crate) mod icache;
pub(crate) mod inode;
mod inode_count;
pub(crate) mod inode_operations;
pub(crate) mod inode_ref;
pub(crate) mod io;
pub(crate) mod memory;
pub(crate) mod registration;
pub(crate) mod super_block;
pub(crate) mod super_operations;
pub(crate) mod tables;
