// SPDX-License-Identifier: GPL-2.0-only
//! Who was only lent a folio can't unlock it to get a token.

use crate::vfs::fs::folio::{LockedFolio, NoFolio, WriteFolio};

fn helper(folio: &LockedFolio) -> i64 {
    #[cfg(not(right))]
    let _wait: NoFolio = folio.unlock(); //~ E0507 cannot move out of `*folio` which is behind a shared reference
    folio.pos()
}

fn write_end(folio: WriteFolio) -> i64 {
    helper(&folio)
}
