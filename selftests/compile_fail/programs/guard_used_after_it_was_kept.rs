// SPDX-License-Identifier: GPL-2.0-only
//! A guard that was put away for a later call is no proof until it was taken out again.

use crate::{meta::guards::ExHeld, Inode};
use kernel::prelude::*;

fn write_begin(held: ExHeld<'_>, size: i64) -> Result {
    Inode::set_size(&held, size);
    let _kept = held.keep()?;
    #[cfg(not(right))]
    Inode::set_size(&held, size); //~ E0382 borrow of moved value: `held`
    Ok(())
}
