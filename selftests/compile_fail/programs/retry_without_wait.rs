// SPDX-License-Identifier: GPL-2.0-only
//! A retry that didn't wait would spin: it is made of what only a wait leaves behind.

use crate::{
    lock::Ticket,
    vfs::{
        address_space::ReadFolio,
        folio::{LockedFolio, Retry},
    },
};

fn read_folio(folio: LockedFolio, ticket: Ticket) -> ReadFolio {
    let unlocked = folio.unlock();
    #[cfg(not(right))]
    return ReadFolio::Retry(Retry::after(unlocked, ())); //~ E0277 the trait `Waited` is not implemented for `()`
    #[cfg(right)]
    return ReadFolio::Retry(Retry::after(unlocked, ticket));
}
