// SPDX-License-Identifier: GPL-2.0-only
//! A ticket comes from `Inode::ticket`, which waits. No other file can make one.

use crate::{
    cluster::lock::Ticket,
    vfs::fs::{
        aops::ReadFolio,
        folio::{LockedFolio, Retry},
    },
};

fn read_folio(folio: LockedFolio, ticket: Ticket) -> ReadFolio<Ticket> {
    let unlocked = folio.unlock();
    #[cfg(not(right))]
    let ticket = Ticket(()); //~ E0423 cannot initialize a tuple struct which contains private fields
    ReadFolio::Retry(Retry::after(unlocked, ticket))
}
