// SPDX-License-Identifier: GPL-2.0-only
//! An rwsem has an owner, who gives it back.

use crate::{vfs::fs::inode::InodeLock, Inode, Ocfs2};
use kernel::prelude::*;

/// As a work item, or a thread's closure.
fn elsewhere<T: Send>(_: T) {}

fn write_iter(inode: &Inode) -> Result {
    let lock: InodeLock<'_, Ocfs2> = inode.lock_killable()?;
    #[cfg(not(right))]
    elsewhere(lock); //~ E0277 cannot be sent between threads safely
    #[cfg(right)]
    drop(lock);
    Ok(())
}
