// SPDX-License-Identifier: GPL-2.0-only
//! Proves: rust: helpers: add what a disk file system needs
//!
//! Of each file of helpers that every configuration has.

use kernel::prelude::*;

/// Inline functions in C, by way of a helper.
pub fn seen() -> [*const (); 3] {
    [
        kernel::bindings::i_size_read as *const (),
        kernel::bindings::folio_pos as *const (),
        kernel::bindings::write_begin_get_folio as *const (),
    ]
}

module! {
    type: Module,
    name: "helpers",
    description: "A test of inline functions in C",
    license: "GPL",
}

struct Module;

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
