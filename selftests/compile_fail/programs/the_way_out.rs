// SPDX-License-Identifier: GPL-2.0-only
//! The right way, which must compile: try; unlock, wait, leave a ticket, ask to be called again.

use crate::meta::inode::InodeExt;
use crate::{
    cluster::lock::Ticket,
    lockres::Mode,
    vfs::fs::{
        aops::{ReadFolio, WriteTarget},
        folio::{LockedFolio, NoFolio, Retry, WriteFolio},
    },
    Inode, Ocfs2,
};
use kernel::prelude::*;

fn read_folio(inode: &Inode, folio: LockedFolio) -> ReadFolio<Ticket> {
    let lock = match inode.locks() {
        Ok(locks) => &locks.meta,
        Err(e) => return ReadFolio::Err(e),
    };
    if let Some(_held) = lock.try_acquire(Mode::Pr) {
        folio.fill(b"");
        return ReadFolio::Done;
    }
    let unlocked = folio.unlock();
    match inode.ticket(Mode::Pr, &unlocked) {
        Ok(ticket) => ReadFolio::Retry(Retry::after(unlocked, ticket)),
        Err(e) => ReadFolio::Err(e),
    }
}

fn write_begin(
    inode: &Inode,
    target: WriteTarget<'_, Ocfs2>,
    wait: NoFolio,
) -> Result<WriteFolio, Error> {
    let _held = inode.lock_exclusive(&wait)?;
    target.folio(0, 1, wait).map_err(|(_, e)| e)
}

fn write_again(
    inode: &Inode,
    folio: WriteFolio,
    target: WriteTarget<'_, Ocfs2>,
) -> Result<WriteFolio, Error> {
    let wait = folio.release();
    write_begin(inode, target, wait)
}
