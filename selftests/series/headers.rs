// SPDX-License-Identifier: GPL-2.0-only
//! Proves: rust: bindings: add what a disk file system needs
//!
//! Names of the headers that the patch adds. (A crate called `bindings` is in the way of the kernel's.)

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
pub fn seen() -> [*const (); 3] {
    [
        kernel::bindings::mpage_readahead as *const (),
        kernel::bindings::filemap_splice_read as *const (),
        kernel::bindings::ocfs2_cluster_connect as *const (),
    ]
}

module! {
    type: Module,
    name: "headers",
    description: "A test of what bindgen sees",
    license: "GPL",
}

struct Module;

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
