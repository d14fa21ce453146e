// SPDX-License-Identifier: GPL-2.0-only
//! A file system for tests, in memory, that drives the VFS: its operations ask to be called again,
//! fail, go short, or drop folios from the page cache when a trigger in debugfs says so.
//!
//! Reading order: `trigger` (what can be asked for, and the counters), `ops` (where that happens),
//! `content` (where the bytes are), `volume` (names). All `unsafe` code is in `vfs`, which is the
//! directory `rust`.
//!
//! Mount it with `mount -t aop_retry none /mnt`. Options:
//!
//! - `noreadahead`: no `->readahead`, so that the VFS reads ahead by `->read_folio`;
//! - `large`: folios of up to 2 MiB, on kernels that have them.

#[path = "../../rust/mod.rs"]
#[allow(
    unused,
    reason = "this file system has no device, no journal and no cluster"
)]
mod vfs;

mod content;
mod ops;
mod trigger;
mod volume;

use kernel::prelude::*;
use volume::Context;

/// The file system type.
pub(crate) struct AopRetry;

type Inode = vfs::fs::inode::Inode<AopRetry>;
type InodeRef = vfs::fs::inode_ref::InodeRef<AopRetry>;
type SuperBlock = vfs::fs::super_block::SuperBlock<AopRetry>;

#[pin_data]
struct Module {
    #[pin]
    registration: vfs::fs::registration::Registration<AopRetry>,
    _debugfs: vfs::debugfs::Root,
}

impl kernel::InPlaceModule for Module {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _debugfs: vfs::debugfs::Root::create(c"aop_retry")?,
            registration <- vfs::fs::registration::Registration::new::<Context>(module),
        })
    }
}

module! {
    type: Module,
    name: "aop_retry",
    description: "A file system for tests, whose operations ask to be called again",
    license: "GPL",
    alias: ["fs-aop_retry"],
}
