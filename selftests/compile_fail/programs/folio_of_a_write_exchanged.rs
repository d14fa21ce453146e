// SPDX-License-Identifier: GPL-2.0-only
//! The reference that a write has is to the folio that it locked. With another one in its place,
//! a reference would be given back that is somebody else's.

use crate::vfs::fs::folio::{LockedFolio, WriteFolio};

fn exchange(mut ours: WriteFolio, mut other: LockedFolio) {
    #[cfg(not(right))]
    core::mem::swap(&mut *ours, &mut other); //~ E0596 cannot borrow data in dereference of `WriteFolio` as mutable
    ours.zero(0, other.size());
}
