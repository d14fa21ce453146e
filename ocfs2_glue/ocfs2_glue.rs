// SPDX-License-Identifier: GPL-2.0-only
//! OCFS2 volumes, with a lock order that the compiler enforces.

#[path = "../rust/mod.rs"]
mod vfs;

use kernel::prelude::*;

struct Module;
impl kernel::Module for Module {
    fn init(_m: &'static ThisModule) -> Result<Self> { Ok(Module) }
}

module! {
    type: Module,
    name: "ocfs2_glue",
    description: "OCFS2 volumes, with a lock order that the compiler enforces",
    license: "GPL",
}
