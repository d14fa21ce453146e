// SPDX-License-Identifier: GPL-2.0-only
//! Looking an inode up may wait for its eviction, or for a task that brings it into memory, and
//! these wait for the cluster. Giving a lock up waits for it as well.

use crate::{cluster::lock::Lock, vfs::fs::folio::LockedFolio, SuperBlock};
use kernel::prelude::*;

fn read_folio(sb: &SuperBlock, lock: &Lock, folio: LockedFolio) -> Result {
    #[cfg(not(right))]
    let _found = sb.iget(1, &folio)?; //~ E0308 expected `&NoFolio`, found `&LockedFolio`
    let unlocked = folio.unlock();
    let _found = sb.iget(1, &unlocked)?;
    lock.shut_down(&unlocked);
    Ok(())
}
