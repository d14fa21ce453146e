// SPDX-License-Identifier: GPL-2.0-only
//! If the wait failed its error goes up: neither a retry nor nothing.

use crate::{
    lockres::Mode,
    vfs::{
        address_space::ReadFolio,
        folio::{LockedFolio, Retry},
    },
    Inode,
};

fn read_folio(inode: &Inode, folio: LockedFolio) -> ReadFolio {
    let unlocked = folio.unlock();
    let waited = inode.ticket(Mode::Pr, &unlocked);
    #[cfg(not(right))]
    return ReadFolio::Retry(Retry::after(unlocked, waited)); //~ E0277 the trait `Waited` is not implemented for
    #[cfg(right)]
    return match waited {
        Ok(ticket) => ReadFolio::Retry(Retry::after(unlocked, ticket)),
        Err(e) => ReadFolio::Err(e),
    };
}
