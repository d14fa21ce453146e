// SPDX-License-Identifier: GPL-2.0-only
//! `srctree/include/linux/fs.h` and its neighbours: superblocks, inodes, files, folios.

pub(crate) mod address_space;
pub(crate) mod context;
pub(crate) mod create;
pub(crate) mod dir;
pub(crate) mod export;
pub(crate) mod extents;
pub(crate) mod fault;
pub(crate) mod file;
pub(crate) mod flock;
pub(crate) mod folio;
pub(crate) mod inode;
pub(crate) mod inode_ref;
pub(crate) mod super_block;
pub(crate) mod tables;
pub(crate) mod time;
pub(crate) mod xattr;
