// SPDX-License-Identifier: GPL-2.0-only
//! Whether a block is one that a suballocator has given out.
//!
//! For block numbers that come from outside, as in a file handle: what such a block holds may be the
//! content of a file, made to look like a dinode and like a group. So nothing that the block says is
//! believed before the group that it names was found on a chain of the allocator.

use super::base::error::{Corrupt, Result};
use super::base::geometry::Geometry;
use super::base::store::{Blocks, Suballoc};
use super::chain_list::ChainList;
use super::group::{Group, Run, Unit};

/// Block of the group that `claimed` is in, if what it says were true.
fn group_of(claimed: &Suballoc, geo: &Geometry) -> Option<u64> {
    let at = match claimed.loc {
        0 => claimed.blkno.checked_sub(claimed.bit.into())?,
        loc => loc,
    };
    geo.is_block(at).then_some(at)
}

/// Whether the suballocator whose dinode is `dinode` has given out the block that `claimed` names,
/// as `claimed` says.
///
/// # Errors
///
/// [`Corrupt`] if the allocator itself is; errors of reading.
pub fn is_allocated<S: Blocks>(
    store: &mut S,
    geo: &Geometry,
    dinode: &S::Block,
    claimed: &Suballoc,
) -> Result<bool, S::Error> {
    let Some(at) = group_of(claimed, geo) else {
        return Ok(false);
    };
    let list = ChainList::decode(store.bytes(dinode), Unit::Blocks, geo)?;
    let (any, most) = (list.owner(Unit::Blocks, None), list.most_groups(geo));
    let block = store.read(at)?;
    let Ok(group) = Group::decode_header(store.bytes(&block), at, &any, geo) else {
        return Ok(false);
    };
    let bit = claimed.bit;
    let place = group.block_of(bit, any.bpc, geo).map(|(blkno, _)| blkno);
    let given = place == Some(claimed.blkno) && group.all(Run { bit, bits: 1 }, true);
    let named = group.chain;
    if !given {
        return Ok(false);
    }
    let list = ChainList::decode(store.bytes(dinode), Unit::Blocks, geo)?;
    let owner = list.owner(Unit::Blocks, Some(named));
    let mut next = list.chain(named).map_or(0, |chain| chain.blkno);
    for _ in 0..most {
        if next == at {
            return Ok(true);
        }
        if next == 0 {
            return Ok(false);
        }
        if !geo.is_block(next) {
            break;
        }
        let block = store.read(next)?;
        next = Group::decode_header(store.bytes(&block), next, &owner, geo)?.next;
    }
    Err(Corrupt::new(next, "ocfs2_group_desc.bg_next_group").into())
}
