// SPDX-License-Identifier: GPL-2.0-only
//! A folio of a batch is lent: its lock is the batch's to give back.

use crate::{
    vfs::fs::{aops::Readahead, folio::LockedFolio},
    Ocfs2,
};

fn readahead(mut batch: Readahead<'_, Ocfs2>, mut other: LockedFolio) {
    let _ = batch.next(|folio| {
        #[cfg(not(right))]
        core::mem::swap(folio, &mut other); //~ E0308 types differ in mutability
        folio.fill(b"");
    });
    other.zero(0, 1);
}
