// SPDX-License-Identifier: GPL-2.0-only
//! One token locks one folio.

use crate::{
    vfs::fs::{aops::WriteTarget, folio::NoFolio},
    Ocfs2,
};
use kernel::prelude::*;

fn two(target: WriteTarget<'_, Ocfs2>, wait: NoFolio) -> Result {
    let first = target.folio(0, 1, wait).map_err(|(_, e)| e)?;
    #[cfg(not(right))]
    let _second = target.folio(4096, 1, wait).map_err(|(_, e)| e)?; //~ E0382 use of moved value: `wait`
    drop(first);
    Ok(())
}
