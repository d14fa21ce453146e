// SPDX-License-Identifier: GPL-2.0-only
//! OCFS2 volumes, with a lock order that the compiler enforces.
//!
//! Reading order: `volume` and `mount` (what a mounted volume is), `inode` (the lock order), `aops`
//! (the rule that this file system exists for), `lock` (cluster locks), `write`, `alloc`, `create`
//! (how things change). `ondisk` and `lockres` are kernel-free: the disk format, and the decisions
//! about locks. All `unsafe` code is in `vfs`, which is the directory `rust`.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
#[allow(dead_code)] // The test file system, selftests/aop_retry, uses more of it.
#[path = "../rust/mod.rs"]
mod vfs;

mod alloc;
mod aops;
mod cluster;
mod corrupt;
mod create;
mod dir;
mod dir_grow;
mod file;
mod flush;
mod inode;
mod lock;
#[allow(dead_code, unused_imports, unreachable_pub)] // The host tests and the model use more of it.
mod lockres;
mod machine;
mod map;
mod mount;
#[allow(dead_code, unused_imports, unreachable_pub)] // The host tests use more of it.
mod ondisk;
mod slots;
mod store;
#[cfg(GLUE_KUNIT)]
mod tests;
mod volume;
mod write;

use kernel::prelude::*;
use volume::Volume;

/// The file system type.
pub(crate) struct Ocfs2;

type Inode = vfs::inode::Inode<Ocfs2>;
type InodeRef = vfs::inode_ref::InodeRef<Ocfs2>;
type SuperBlock = vfs::super_block::SuperBlock<Ocfs2>;

/// The volume behind a superblock.
fn volume_of(sb: &SuperBlock) -> &Volume {
    sb.data()
}

#[pin_data]
struct Module {
    #[pin]
    registration: vfs::super_block::Registration<Ocfs2>,
    _debugfs: vfs::debugfs::Root,
}

impl kernel::InPlaceModule for Module {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        vfs::stackglue::set_protocol_version();
        try_pin_init!(Self {
            _debugfs: vfs::debugfs::Root::create(c"ocfs2_glue")?,
            registration <- vfs::super_block::Registration::new(module),
        })
    }
}

module! {
    type: Module,
    name: "ocfs2_glue",
    description: "OCFS2 volumes, with a lock order that the compiler enforces",
    license: "GPL",
    alias: ["fs-ocfs2_glue"],
}
