// SPDX-License-Identifier: GPL-2.0-only
//! `Retry::after` is the only way to a `Retry`.

use crate::{
    cluster::lock::Ticket,
    vfs::fs::{aops::ReadFolio, folio::Retry},
};
use core::marker::PhantomData;

fn read_folio(made: Retry<Ticket>) -> ReadFolio<Ticket> {
    #[cfg(not(right))]
    let made = Retry { _made: PhantomData }; //~ E0451 field `_made` of struct `Retry
    ReadFolio::Retry(made)
}
