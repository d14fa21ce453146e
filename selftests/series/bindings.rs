// SPDX-License-Identifier: GPL-2.0-only
//! Proves: rust: bindings: add what a disk file system needs
//!
//! Names of each of the headers that the patch adds.

use kernel::prelude::*;

/// Types that a disk file system is made of.
pub type Seen = (
    kernel::bindings::address_space_operations,
    kernel::bindings::buffer_head,
    kernel::bindings::fs_context_operations,
    kernel::bindings::fs_parameter_spec,
    kernel::bindings::iomap_ops,
    kernel::bindings::journal_s,
    kernel::bindings::kstatfs,
    kernel::bindings::readahead_control,
    kernel::bindings::writeback_control,
    kernel::bindings::ocfs2_cluster_connection,
);

/// Its functions.
pub fn seen() -> [usize; 3] {
    [
        kernel::bindings::mpage_readahead as usize,
        kernel::bindings::filemap_splice_read as usize,
        kernel::bindings::ocfs2_cluster_connect as usize,
    ]
}

module! {
    type: Module,
    name: "bindings",
    description: "A test of what bindgen sees",
    license: "GPL",
}

struct Module;

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
