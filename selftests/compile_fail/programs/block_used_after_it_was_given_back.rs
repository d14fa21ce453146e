// SPDX-License-Identifier: GPL-2.0-only
//! A walk that has given a block back may find another one in its place.

use crate::{
    meta::store::{Block, Store},
    ondisk::base::store::Blocks,
};

fn walk(store: &mut Store<'_>, block: Block) -> usize {
    let len = store.content(&block).len();
    store.release(block);
    #[cfg(not(right))]
    let len = store.content(&block).len(); //~ E0382 borrow of moved value: `block`
    len
}
