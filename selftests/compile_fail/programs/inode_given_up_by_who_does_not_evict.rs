// SPDX-License-Identifier: GPL-2.0-only
//! Eviction may wait for the cluster without saying that no folio is locked. Nobody else can say
//! that it is eviction.

use crate::{
    cluster::lock::Lock,
    vfs::fs::{folio::LockedFolio, icache::Evicting},
};

fn read_folio(lock: &Lock, folio: LockedFolio, evicting: &Evicting) {
    #[cfg(not(right))]
    lock.evict(None, &Evicting {}); //~ - cannot construct `Evicting` with struct literal syntax
    lock.evict(None, evicting);
    drop(folio);
}
