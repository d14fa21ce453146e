// SPDX-License-Identifier: GPL-2.0-only
//! An inode that is lent may be on its way out of memory: a reference that is taken then doesn't
//! keep it. One is made of another one, never of a borrow.

use crate::{Inode, InodeRef};

fn keep(lent: &Inode, owned: &InodeRef) -> InodeRef {
    #[cfg(not(right))]
    let _kept = kernel::sync::aref::ARef::from(lent); //~ E0277 the trait bound `Inode<Ocfs2>: AlwaysRefCounted` is not satisfied
    let _ = lent;
    owned.clone()
}
