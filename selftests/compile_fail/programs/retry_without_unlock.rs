// SPDX-License-Identifier: GPL-2.0-only
//! A retry is made of a folio that was unlocked.

use crate::{
    cluster::lock::Ticket,
    vfs::fs::{
        aops::ReadFolio,
        folio::{LockedFolio, Retry},
    },
};

fn read_folio(folio: LockedFolio, ticket: Ticket) -> ReadFolio<Ticket> {
    #[cfg(not(right))]
    return ReadFolio::Retry(Retry::after(folio, ticket)); //~ E0308 expected `NoFolio`, found `LockedFolio`
    #[cfg(right)]
    return ReadFolio::Retry(Retry::after(folio.unlock(), ticket));
}
