// SPDX-License-Identifier: GPL-2.0-only
//! Whoever has the super lock gives it up by dropping it, which waits. So the token stays with it:
//! no folio is locked before that.

use crate::{
    mount::slots,
    vfs::fs::{aops::WriteTarget, folio::NoFolio},
    Ocfs2, SuperBlock,
};
use kernel::prelude::*;

fn write(sb: &SuperBlock, target: WriteTarget<'_, Ocfs2>, wait: NoFolio) -> Result {
    let claim = slots::claim(sb, &wait)?;
    #[cfg(right)]
    claim.give_back(sb, &wait)?;
    let _folio = target.folio(0, 1, wait).map_err(|(_, e)| e)?; //~ E0505 cannot move out of `wait` because it is borrowed
    #[cfg(not(right))]
    drop(claim);
    Ok(())
}
