// SPDX-License-Identifier: GPL-2.0-only
//! Clusters that a crashed node had set aside, and that go back to the global bitmap.
//!
//! After the slot's journal was replayed two of its system files may hold some:
//!
//! - `local_alloc` ([`super::local_alloc`]): clusters of the window that no file was given;
//! - `truncate_log` ([`super::truncate_log`]): clusters that no file has any more.
//!
//! Both are set in the global bitmap. Everything is checked here before the first transaction, so
//! that a damaged file costs no journal: in a transaction only the device can fail then. A check
//! can't tell whether a file uses a cluster as well; fsck.ocfs2 can.
//!
//! A run never lies in two groups, because each group begins with its descriptor, which is never
//! free. `srctree/fs/ocfs2/localalloc.c`, `srctree/fs/ocfs2/alloc.c`.

use super::base::error::Corrupt;
use super::base::geometry::Geometry;
use super::base::store::Blocks;
use super::chain::Allocator;
use super::chain_list::ChainList;
use super::group::{self, Group, Unit};
use super::local_alloc::{LocalAlloc, Run};
use super::truncate_log::TruncateRec;

/// Blocks that a transaction changes which frees clusters of one group: the descriptor and the
/// dinode of the global bitmap, and the dinode of the system file that held the clusters.
pub const CREDITS: u32 = 3;

impl TruncateRec {
    /// The clusters to be freed; `None` for a record that is to be ignored.
    pub fn run(&self) -> Option<Run> {
        (self.start != 0 && self.clusters != 0).then_some(Run {
            first_cluster: self.start,
            clusters: self.clusters,
        })
    }
}

/// Checks that the window lies in one group of the global bitmap, whose dinode is `bitmap`.
///
/// # Errors
///
/// [`Corrupt`] for dinode `blkno` of the local allocation file, or for the bitmap's.
pub fn check_window<S: Blocks>(
    store: &S,
    geo: &Geometry,
    bitmap: &S::Block,
    blkno: u64,
    window: &LocalAlloc,
) -> Result<(), S::Error> {
    let list = Allocator::clusters(geo).decode(store.bytes(bitmap))?;
    let Some(more) = window.total.checked_sub(1) else {
        return Ok(());
    };
    let (first, _) = locate(&list, window.first_cluster, geo)?;
    let (last, _) = locate(&list, window.first_cluster.saturating_add(more), geo)?;
    if first != last {
        return Err(Corrupt::new(blkno, "ocfs2_local_alloc.la_bm_off").into());
    }
    Ok(())
}

/// Checks that all clusters of `run` lie in one group, behind its descriptor, and are in use as
/// far as the global bitmap knows, whose dinode is `bitmap`. Changes nothing.
///
/// # Errors
///
/// [`Corrupt`] for the group's descriptor or the bitmap's dinode; errors of reading.
pub fn check_used<S: Blocks>(
    store: &mut S,
    geo: &Geometry,
    bitmap: &S::Block,
    run: Run,
) -> Result<(), S::Error> {
    let (at, bit, owner) = {
        let list = Allocator::clusters(geo).decode(store.bytes(bitmap))?;
        let (at, bit) = locate(&list, run.first_cluster, geo)?;
        (at, bit, list.owner(Unit::Clusters, None))
    };
    let bad = Corrupt::new(at, "ocfs2_group_desc.bg_bitmap");
    let bits = u16::try_from(run.clusters).map_err(|_| bad)?;
    if !geo.is_block(at) || geo.block_to_cluster(at) >= Some(run.first_cluster) {
        return Err(bad.into());
    }
    let block = store.read(at)?;
    let group = Group::decode_header(store.bytes(&block), at, &owner, geo)?;
    if bits == 0 || !group.all(group::Run { bit, bits }, true) {
        return Err(bad.into());
    }
    Ok(())
}

/// Block of the group that has `cluster`, and its bit there.
fn locate(list: &ChainList<'_>, cluster: u32, geo: &Geometry) -> Result<(u64, u16), Corrupt> {
    group::group_of_cluster(cluster, list.cpg, geo)
        .ok_or(Corrupt::new(list.blkno, "ocfs2_chain_list.cl_cpg"))
}
