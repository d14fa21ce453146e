// SPDX-License-Identifier: GPL-2.0-only
//! Attributes come from another node once, when the lock was granted, and not over what this one
//! has changed since.

use crate::{
    meta::guards::{ExHeld, Refreshing},
    vfs::fs::attr::Attributes,
    Inode,
};

fn refresh(fresh: &Refreshing<'_>, held: &ExHeld<'_>, a: &Attributes) {
    Inode::set_attributes(fresh, a);
    #[cfg(not(right))]
    Inode::set_attributes(held, a); //~ E0308 expected `&Refreshing<'_>`, found `&ExHeld<'_>`
}
