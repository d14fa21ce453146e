// SPDX-License-Identifier: GPL-2.0-only
//! The field of a token is private, so no struct expression makes one.

use crate::meta::inode::InodeExt;
use crate::{
    vfs::fs::folio::{LockedFolio, NoFolio},
    Inode,
};
use kernel::{prelude::*, types::NotThreadSafe};

fn read_folio(inode: &Inode, folio: LockedFolio) -> Result {
    #[cfg(not(right))]
    let _lie = NoFolio { _task: NotThreadSafe }; //~ E0451 field `_task` of struct `NoFolio` is private
    let unlocked = folio.unlock();
    let _held = inode.lock_shared(&unlocked)?;
    Ok(())
}
