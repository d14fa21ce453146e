// SPDX-License-Identifier: GPL-2.0-only
//! OCFS2 volumes, with a lock order that the compiler enforces.
//!
//! One folder a subject. Each may use those above it in this list, and no other:
//!
//! - `ondisk`: the disk format; `lockres`: the lock state machine. Both are kernel-free.
//! - `cluster`: membership, cluster locks
//! - `volume`: what all inodes of a mounted volume share
//! - `meta`: inodes in memory, and their metadata blocks
//! - `txn`: transactions
//! - `space`: clusters and blocks to allocate
//! - `xattr`: extended attributes, ACLs
//! - `data`: the content of files
//! - `inode`: inodes as they come and go, attributes
//! - `namei`: names
//! - `mount`: mount and unmount
//!
//! All `unsafe` code is in `vfs`, which is the directory `rust`.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
#[allow(dead_code)] // The test file system, selftests/aop_retry, uses more of it.
#[path = "../rust/mod.rs"]
mod vfs;

mod cluster;
mod data;
mod inode;
#[allow(dead_code, unused_imports, unreachable_pub)] // The host tests and the model use more of it.
mod lockres;
mod meta;
mod mount;
mod namei;
#[allow(dead_code, unused_imports, unreachable_pub)] // The host tests use more of it.
mod ondisk;
mod space;
#[cfg(GLUE_KUNIT)]
mod tests;
mod txn;
mod volume;
mod xattr;

use kernel::prelude::*;
use volume::Volume;

/// The file system type.
pub(crate) struct Ocfs2;

type Inode = vfs::fs::inode::Inode<Ocfs2>;
type InodeRef = vfs::fs::inode_ref::InodeRef<Ocfs2>;
type SuperBlock = vfs::fs::super_block::SuperBlock<Ocfs2>;

/// The volume behind a superblock.
fn volume_of(sb: &SuperBlock) -> &Volume {
    sb.data()
}

#[pin_data]
struct Module {
    #[pin]
    registration: vfs::fs::super_block::Registration<Ocfs2>,
    _debugfs: vfs::debugfs::Root,
}

impl kernel::InPlaceModule for Module {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        vfs::dlm::stackglue::set_protocol_version();
        try_pin_init!(Self {
            _debugfs: vfs::debugfs::Root::create(c"ocfs2_glue")?,
            registration <- vfs::fs::super_block::Registration::new(module),
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
