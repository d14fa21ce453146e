// SPDX-License-Identifier: GPL-2.0-only
//! The order that deadlocks isn't in this module: it takes a build of its own.

use crate::{
    data::aops::Aops,
    vfs::fs::{aops::Operations, folio::NoFolio},
    Inode, Ocfs2,
};
use kernel::prelude::*;

fn read_folio(inode: &Inode, lie: &NoFolio) -> Result {
    #[cfg(not(right))]
    <Aops as Operations<Ocfs2>>::wait_in_the_wrong_order(inode, lie)?; //~ E0576 cannot find method or associated constant `wait_in_the_wrong_order`
    Ok(())
}
