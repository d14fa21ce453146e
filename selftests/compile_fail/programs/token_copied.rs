// SPDX-License-Identifier: GPL-2.0-only
//! A second token would outlive the lock of the folio that the first was given for.

use crate::{
    vfs::fs::{aops::WriteTarget, folio::NoFolio},
    Ocfs2,
};
use kernel::prelude::*;

fn write_begin(target: WriteTarget<'_, Ocfs2>, wait: NoFolio) -> Result {
    #[cfg(not(right))]
    let _spare = wait.clone(); //~ E0599 no method named `clone` found for struct `NoFolio`
    let _folio = target.folio(0, 1, wait).map_err(|(_, e)| e)?;
    Ok(())
}
