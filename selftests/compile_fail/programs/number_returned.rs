// SPDX-License-Identifier: GPL-2.0-only
//! 0x80001 is written by the C trampoline alone: the file system has no number to return.

use crate::{
    cluster::lock::Ticket,
    vfs::fs::{aops::ReadFolio, folio::LockedFolio},
};
use kernel::prelude::*;

fn read_folio(folio: LockedFolio) -> ReadFolio<Ticket> {
    drop(folio);
    #[cfg(not(right))]
    return ReadFolio::Err(0x80001); //~ E0308 expected `Error`, found integer
    #[cfg(right)]
    return ReadFolio::Err(EIO);
}
