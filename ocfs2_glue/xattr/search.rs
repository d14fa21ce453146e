// SPDX-License-Identifier: GPL-2.0-only
//! The attributes of an inode, wherever they are: in the dinode, then in a block.

use crate::{
    meta::{corrupt::Report as _, guards::Held, inode::InodeExt},
    ondisk::{
        base::store::Blocks,
        inode::dinode::HAS_XATTR_FL,
        xattr::{
            block::{self, Content},
            entries::{inline_range, Entry, Prefix, Region, Value},
        },
    },
};
use core::ops::ControlFlow;
use kernel::{alloc::flags::GFP_NOFS, prelude::*};

/// Whether all attributes of an inode were seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// They were, or `see` had enough.
    All,
    /// There are more, which can't be read.
    Some,
}

/// Hands the attributes of an inode to `see` until it breaks.
///
/// # Errors
///
/// `EUCLEAN`; errors of reading, and of `see`.
pub(super) fn each(
    held: &Held<'_>,
    mut see: impl FnMut(&Entry<'_>) -> Result<ControlFlow<()>>,
) -> Result<Seen> {
    let (inode, sb) = (held.inode(), held.sb());
    let geo = &inode.volume().geo;
    let mut meta = inode.meta();
    let (mut store, root) = meta.read(held)?;
    if root.dinode.dyn_features & HAS_XATTR_FL == 0 {
        return Ok(Seen::All);
    }
    let mut all = |region: Region<'_>| {
        for entry in region.entries() {
            if see(&entry.on(sb)?)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    };
    if let Some(range) = inline_range(&root.dinode, geo) {
        let bytes = store.content(&root.block).get(range).unwrap_or(&[]);
        let region = Region::decode(bytes, inode.ino()).on(sb)?;
        if all(region)?.is_break() {
            return Ok(Seen::All);
        }
    }
    let at = root.dinode.xattr_loc;
    if at == 0 {
        return Ok(Seen::All);
    }
    let found = store.read(at).on(sb)?;
    match block::decode(store.content(&found), at, geo).on(sb)? {
        Content::Entries(region) => all(region).map(|_| Seen::All),
        Content::Indexed => Ok(Seen::Some),
    }
}

/// What a look for one attribute gives.
pub(super) enum Found {
    /// There is none of that name.
    None,
    /// Its value.
    Value(KVec<u8>),
    /// There is or may be one, and it can't be read.
    Unreadable,
}

/// Looks for one attribute. Errors as for [`each`].
pub(super) fn find(held: &Held<'_>, prefix: Prefix, name: &[u8]) -> Result<Found> {
    let mut found = Found::None;
    let seen = each(held, |entry| {
        if entry.prefix != Some(prefix) || entry.name != name {
            return Ok(ControlFlow::Continue(()));
        }
        found = match entry.value {
            Value::Local(bytes) => {
                let mut value = KVec::with_capacity(bytes.len(), GFP_NOFS)?;
                value.extend_from_slice(bytes, GFP_NOFS)?;
                Found::Value(value)
            }
            Value::Outside(_) => Found::Unreadable,
        };
        Ok(ControlFlow::Break(()))
    })?;
    Ok(match (found, seen) {
        (Found::None, Seen::Some) => Found::Unreadable,
        (found, _) => found,
    })
}
