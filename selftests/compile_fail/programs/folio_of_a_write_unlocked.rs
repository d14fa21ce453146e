// SPDX-License-Identifier: GPL-2.0-only
//! A folio that is written can be released, with its reference, but not unlocked alone.

use crate::vfs::fs::folio::{NoFolio, WriteFolio};

fn write_end(folio: WriteFolio) -> NoFolio {
    #[cfg(not(right))]
    return folio.unlock(); //~ E0507 cannot move out of dereference of `WriteFolio`
    #[cfg(right)]
    return folio.release();
}
