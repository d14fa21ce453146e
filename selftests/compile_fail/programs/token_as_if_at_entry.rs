// SPDX-License-Identifier: GPL-2.0-only
//! Only the callbacks in `rust/` may say that the VFS called with no folio locked.

use crate::vfs::fs::folio::{LockedFolio, NoFolio};

#[allow(unsafe_code)]
fn read_folio(folio: LockedFolio) -> NoFolio {
    #[cfg(not(right))]
    // SAFETY: None.
    let _lie = unsafe { NoFolio::at_entry() }; //~ E0624 associated function `at_entry` is private
    folio.unlock()
}
