// SPDX-License-Identifier: GPL-2.0-only
//! Proves: rust: alloc: add GFP_NOFS

use kernel::{alloc::flags::GFP_NOFS, prelude::*};

module! {
    type: Module,
    name: "alloc",
    description: "A test of an allocation that doesn't call into file systems",
    license: "GPL",
}

struct Module {
    _number: KBox<u32>,
}

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _number: KBox::new(0, GFP_NOFS)?,
        })
    }
}
