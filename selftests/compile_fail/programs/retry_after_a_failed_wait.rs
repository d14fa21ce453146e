// SPDX-License-Identifier: GPL-2.0-only
//! If the wait failed its error goes up: neither a retry nor nothing.

use crate::meta::inode::InodeExt;
use crate::{
    cluster::lock::Ticket,
    lockres::Mode,
    vfs::fs::{
        aops::ReadFolio,
        folio::{LockedFolio, Retry},
    },
    Inode,
};

fn read_folio(inode: &Inode, folio: LockedFolio) -> ReadFolio<Ticket> {
    let unlocked = folio.unlock();
    let waited = inode.ticket(Mode::Pr, &unlocked);
    #[cfg(not(right))]
    return ReadFolio::Retry(Retry::after(unlocked, waited)); //~ E0308 expected `Ticket`, found `Result<Ticket,
    #[cfg(right)]
    return match waited {
        Ok(ticket) => ReadFolio::Retry(Retry::after(unlocked, ticket)),
        Err(e) => ReadFolio::Err(e),
    };
}
