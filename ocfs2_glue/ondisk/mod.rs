// SPDX-License-Identifier: GPL-2.0-only
//! The OCFS2 disk format, checked once at the door.
//!
//! Kernel-free: `core` alone, no allocation, its own error type, no panics for any bytes. The same
//! files build into the module and, under cargo, into the host tests. Inside this directory paths
//! are relative (`super::`), because the crate around it differs. Each folder's `mod.rs` imports the
//! folders that it may use; none is used in a circle (`selftests/check/layers.py`).
//!
//! Facts come from `srctree/fs/ocfs2/ocfs2_fs.h` and are named by its terms.

pub mod alloc;
pub mod base;
pub mod dir;
pub mod dlm;
pub mod extent;
pub mod inode;
pub mod volume;
pub mod xattr;
