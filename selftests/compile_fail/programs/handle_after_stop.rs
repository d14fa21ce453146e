// SPDX-License-Identifier: GPL-2.0-only
//! Nothing can be changed in a transaction that this task has left.

use crate::vfs::jbd2::Handle;
use kernel::prelude::*;

fn write_end(mut handle: Handle) -> Result {
    handle.set_sync();
    handle.stop()?;
    #[cfg(not(right))]
    handle.set_sync(); //~ E0382 borrow of moved value: `handle`
    Ok(())
}
