// SPDX-License-Identifier: GPL-2.0-only
//! Nothing can be changed in a transaction that this task has left.

use crate::vfs::{block::buffer_head::BufferHead, jbd2::Handle};
use kernel::prelude::*;

fn write_end(mut handle: Handle, block: &BufferHead, data: &[u8]) -> Result {
    handle.change(block, None, |editor| editor.put(0, data))?;
    handle.stop()?;
    #[cfg(not(right))]
    handle.change(block, None, |editor| editor.put(0, data))?; //~ E0382 borrow of moved value: `handle`
    Ok(())
}
