// SPDX-License-Identifier: GPL-2.0-only
//! A retry that didn't wait would spin: it is made of what only a wait leaves behind, and no other
//! type will do.

use crate::{
    cluster::lock::Ticket,
    vfs::fs::{
        aops::ReadFolio,
        folio::{LockedFolio, Retry},
    },
};

struct Waited;

fn read_folio(folio: LockedFolio, ticket: Ticket) -> ReadFolio<Ticket> {
    let unlocked = folio.unlock();
    #[cfg(not(right))]
    return ReadFolio::Retry(Retry::after(unlocked, Waited)); //~ E0308 expected `Ticket`, found `Waited`
    #[cfg(right)]
    return ReadFolio::Retry(Retry::after(unlocked, ticket));
}
