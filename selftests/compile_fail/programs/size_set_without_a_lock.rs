// SPDX-License-Identifier: GPL-2.0-only
//! An inode alone is no proof that it may be changed.

use crate::{meta::guards::ExHeld, Inode};

fn grow(inode: &Inode, held: &ExHeld<'_>, size: i64) {
    Inode::set_size(held, size);
    #[cfg(not(right))]
    Inode::set_size(inode, size); //~ E0308 expected `&ExHeld<'_>`, found `&Inode<Ocfs2>`
}
