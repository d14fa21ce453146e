// SPDX-License-Identifier: GPL-2.0-only
//! A journal that wasn't replayed takes no transactions.

use crate::vfs::jbd2::NewJournal;
use kernel::prelude::*;

fn mount(new: NewJournal) -> Result {
    #[cfg(not(right))]
    let _handle = new.start(1)?; //~ E0599 no method named `start` found for struct `NewJournal`
    let journal = new.load()?;
    let handle = journal.start(1)?;
    handle.stop()
}
