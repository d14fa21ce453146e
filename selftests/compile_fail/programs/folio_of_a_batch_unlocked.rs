// SPDX-License-Identifier: GPL-2.0-only
//! One folio of a batch that was unlocked is no leave to wait: the others are locked still.

use crate::{vfs::fs::aops::Readahead, Ocfs2};

fn readahead(mut batch: Readahead<'_, Ocfs2>) {
    batch.next(|folio| {
        #[cfg(not(right))]
        let _leave = folio.unlock(); //~ E0507 cannot move out of `*folio`
        let _ = folio;
    });
}
