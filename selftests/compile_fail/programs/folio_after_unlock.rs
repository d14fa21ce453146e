// SPDX-License-Identifier: GPL-2.0-only
//! `unlock` takes the folio away: whatever it holds may change from then on.

use crate::vfs::fs::folio::{LockedFolio, NoFolio};

fn read_folio(folio: LockedFolio) -> NoFolio {
    folio.zero(0, 1);
    let unlocked = folio.unlock();
    #[cfg(not(right))]
    folio.fill(b"late"); //~ E0382 borrow of moved value: `folio`
    unlocked
}
