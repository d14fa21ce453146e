// SPDX-License-Identifier: GPL-2.0-only
//! Extended attributes and POSIX ACLs: read and honoured, not changed yet.
//!
//! What can't be read (buckets under an index, an ACL outside of the inode) can't be honoured either:
//! such an inode is its owner's alone, and isn't changed. What would leave an attribute behind that
//! no longer fits is refused, with a line that names the inode.
//!
//! Uses `meta` and below.

pub(crate) mod attributes;
pub(crate) mod refuse;
mod search;
