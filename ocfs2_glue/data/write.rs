// SPDX-License-Identifier: GPL-2.0-only
//! Buffered writes: from `->write_begin` to `->write_end`.
//!
//! A write is cut at pages, and a cluster is at least a page, so each step concerns one cluster.
//! Its order is that of `inode.rs`: cluster lock, allocators, journal handle, folio. The cluster
//! lock and the handle are held from begin to end, so the folio is dirtied, and size and times are
//! changed, under the lock and in one transaction with the allocation.

use crate::{
    cluster::lock,
    data::{
        aops::Aops,
        extents::{cut_back, make_room},
        inline::{body, fill, to_extents, tree_error},
        map,
    },
    meta::{
        attributes::disk_time, corrupt::Report as _, guards::ExHeld, inode::InodeExt, log::Log,
        snapshot::Snapshot,
    },
    ondisk::{
        base::{bytes, store::Journaled},
        extent::{
            list::ExtentRec,
            tree::{Mapped, Tree},
        },
        inode::{
            dinode::{Body, HAS_REFCOUNT_FL, ID_DATA},
            edit::Edit,
        },
    },
    space::resources::{Cluster, Resources},
    txn::{Reserve as _, Transaction},
    vfs::fs::{
        address_space::{commit_write, discard, prepare_write, Purpose, WriteTarget},
        folio::{NoFolio, WriteFolio},
    },
    volume::mounted::Mounted,
    Inode, Ocfs2,
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*, sync::Arc};

/// What a write has between its two calls. Dropped in this order.
pub(crate) struct Write {
    txn: Transaction,
    /// Whether the data is in the dinode.
    inline: bool,
    /// Whether blocks were allocated that may not show old content after a crash.
    ordered: bool,
    /// The cluster that was allocated.
    new: Option<u32>,
    held: lock::Held,
}

/// What has to be done before the folio can be written.
enum Plan {
    /// The dinode has room for it.
    Inline,
    /// It had, until now.
    Expand,
    /// The blocks are there.
    Ready,
    /// The tree has no room near this cluster for as many records.
    Far(u32, u16),
    /// One cluster has to be allocated, or to lose its unwritten mark.
    Cluster(Want),
}

/// What a cluster of the file needs before it can be written.
struct Want {
    cpos: u32,
    /// `No` if it is there, and unwritten.
    cluster: Cluster,
    /// Its first block, if it is there.
    there: Option<u64>,
    /// Extent blocks that the tree may need.
    blocks: u16,
    /// Blocks that the transaction may change.
    credits: u32,
}

/// Whether this file can be written at all.
///
/// # Errors
///
/// `EOPNOTSUPP` for a file that shares extents with another (reflink).
pub(crate) fn check(held: &ExHeld<'_>) -> Result {
    let mut meta = held.inode().meta();
    let (_, root) = meta.read(held)?;
    if root.dinode.dyn_features & HAS_REFCOUNT_FL != 0 {
        return Err(EOPNOTSUPP);
    }
    Ok(())
}

fn plan(held: &ExHeld<'_>, pos: u64, len: usize) -> Result<Plan> {
    let inode = held.inode();
    let geo = &inode.volume().geo;
    let mut meta = inode.meta();
    let cached = meta.last;
    meta.let_go();
    let (mut store, root) = meta.plan(held)?;
    match root.dinode.body {
        Body::Extents => {}
        Body::Inline { room } if pos + len as u64 <= u64::from(room) => return Ok(Plan::Inline),
        Body::Inline { .. } => return Ok(Plan::Expand),
        _ => return Err(EOPNOTSUPP),
    }
    let cpos = u32::try_from(pos >> geo.cluster_bits()).map_err(|_| EFBIG)?;
    let in_cached = |m: &crate::ondisk::extent::tree::Mapping| {
        m.cpos <= cpos && cpos - m.cpos < m.clusters && m.what != Mapped::Hole
    };
    let tree = Tree::of_dinodes(geo);
    let what = match cached.filter(in_cached) {
        Some(m) => m.what,
        None => {
            tree.lookup(&mut store, &root.block, cpos)
                .on(inode.sb())?
                .what
        }
    };
    if what.is_refcounted() {
        return Err(EOPNOTSUPP);
    }
    let (cluster, records, there) = match what {
        Mapped::Hole => (Cluster::behind(&mut store, root, geo, cpos)?, 1, None),
        Mapped::Extent { blkno, .. } if what.is_unwritten() => {
            // Where the cached extent begins isn't where this cluster is.
            let at = match cached.filter(in_cached) {
                Some(m) => blkno + geo.clusters_to_blocks(cpos - m.cpos),
                None => blkno,
            };
            (Cluster::No, 2, Some(at))
        }
        _ => return Ok(Plan::Ready),
    };
    let far = tree
        .far_room(&mut store, &root.block, cpos, records)
        .map_err(tree_error)
        .on(inode.sb())?;
    if far.is_some() {
        return Ok(Plan::Far(cpos, records));
    }
    let blocks = tree
        .blocks_needed(&mut store, &root.block, records.into())
        .map_err(tree_error)
        .on(inode.sb())?;
    let blocks = u16::try_from(blocks).map_err(|_| ENOSPC)?;
    let credits = tree
        .credits(&mut store, &root.block, cpos, records)
        .map_err(tree_error)
        .on(inode.sb())?;
    Ok(Plan::Cluster(Want {
        cpos,
        cluster,
        there,
        blocks,
        // One for the dinode.
        credits: credits + 1 + Resources::credits(blocks),
    }))
}

/// `->write_begin`.
pub(crate) fn begin(
    inode: &Inode,
    pos: i64,
    len: usize,
    target: WriteTarget<'_, Ocfs2>,
    wait: NoFolio,
) -> Result<(WriteFolio, KBox<Write>)> {
    if target.nowait() {
        return Err(EAGAIN);
    }
    let mounted = inode.volume().mounted()?;
    // Now, as nothing may fail between an allocation and the folio that covers it.
    let memory = KBox::new_uninit(GFP_KERNEL)?;
    let start = u64::try_from(pos).map_err(|_| EINVAL)?;
    let held = inode.lock_exclusive(&wait)?;
    let todo = loop {
        match plan(&held, start, len)? {
            Plan::Expand => expand_inline(&held, &mounted, &wait)?,
            Plan::Far(cpos, records) => make_room(&held, &mounted, (cpos, records), &wait)?,
            todo => break todo,
        }
    };
    let (inline, ordered) = (
        matches!(todo, Plan::Inline),
        matches!(todo, Plan::Cluster(_)),
    );
    let (mut txn, new) = match todo {
        Plan::Cluster(want) => {
            let txn = allocate(&held, &mounted, &want, (start, len), &wait)?;
            (txn, want.there.is_none().then_some(want.cpos))
        }
        _ => (mounted.reserve(1)?, None),
    };
    match get_folio(&held, pos, len, inline, &target, wait) {
        Ok(folio) => {
            let write = Write {
                txn,
                inline,
                ordered,
                new,
                held: held.keep()?,
            };
            Ok((folio, KBox::write(memory, write)))
        }
        Err((unlocked, e)) => {
            if ordered {
                txn.change(|_| disown(&held))?;
            }
            txn.end()?;
            free_behind(&held, &mounted, new, &unlocked)?;
            Err(e)
        }
    }
}

/// The folio of a write, with what the write leaves alone in it.
fn get_folio(
    held: &ExHeld<'_>,
    pos: i64,
    len: usize,
    inline: bool,
    target: &WriteTarget<'_, Ocfs2>,
    wait: NoFolio,
) -> Result<WriteFolio, (NoFolio, Error)> {
    let inode = held.inode();
    let mut folio = target.folio(pos, len, wait)?;
    let ready = match inline {
        true if folio.is_uptodate() => Ok(()),
        // It is inline, as it was planned.
        true => fill(held, &folio).map(drop),
        false => prepare_write::<Ocfs2, Aops>(inode, &mut folio, pos, len).inspect_err(|_| {
            if inode.size() <= folio.pos() {
                discard(&mut folio);
            }
        }),
    };
    match ready {
        Ok(()) => Ok(folio),
        Err(e) => Err((folio.release(), e)),
    }
}

/// Frees the cluster that was allocated for a write that didn't come about, if it is behind the end
/// of the file: fsck.ocfs2 wants none there. In the middle it stays, and reads as zeroes.
fn free_behind(
    held: &ExHeld<'_>,
    mounted: &Arc<Mounted>,
    new: Option<u32>,
    wait: &NoFolio,
) -> Result {
    let inode = held.inode();
    let bits = inode.volume().geo.cluster_bits();
    match new {
        Some(cpos) if u64::from(cpos) << bits >= inode.size() as u64 => {
            cut_back(held, mounted, cpos, wait)
        }
        _ => Ok(()),
    }
}

/// Blocks were allocated for a write that didn't come about. They are part of the file, so what
/// the device has there must not be seen.
fn disown(held: &ExHeld<'_>) -> Result {
    let inode = held.inode();
    // They stay fresh meanwhile, so that no reader finds them.
    let fresh = inode.meta().fresh.clone();
    let mut block = fresh.start;
    let zeroed = (|| {
        while block < fresh.end {
            let max = fresh.end - block;
            let Some(m) = map::blocks(held, block, max, Purpose::Write)? else {
                break;
            };
            inode.sb().zeroout(m.block, m.count)?;
            block += m.count;
        }
        Ok(())
    })();
    inode.meta().fresh = 0..0;
    zeroed
}

/// Gives cluster `cpos` of the file its place, in the transaction that is handed back.
fn allocate(
    held: &ExHeld<'_>,
    mounted: &Arc<Mounted>,
    want: &Want,
    write: (u64, usize),
    wait: &NoFolio,
) -> Result<Transaction> {
    let inode = held.inode();
    let geo = &inode.volume().geo;
    let mut room = Resources::find(mounted, want.blocks, want.cluster, wait)?;
    let blkno = want.there.map_or_else(|| room.cluster(), Ok)?;
    // Before anybody can look: readers of this node aren't kept out, and the device has there what
    // a file had that was deleted. The cluster is nobody's yet, or reads as zeroes.
    zero_rest(inode, want.cpos, blkno, write)?;
    let mut txn = mounted.reserve(want.credits)?;
    let tree = Tree::of_dinodes(geo);
    txn.change(|log| {
        let mut meta = inode.meta();
        meta.last = None;
        // Until the data is there nobody reads what the device has.
        meta.fresh = fresh_blocks(geo, write);
        let (mut store, root) = meta.change(held, log)?;
        let changed = if let Cluster::No = want.cluster {
            tree.mark_written(&mut store, &mut root.block, want.cpos, 1, &mut room)
                .map(drop)
        } else {
            let rec = ExtentRec {
                cpos: want.cpos,
                clusters: 1,
                blkno: room.claim_cluster(&mut store)?,
                flags: 0,
            };
            tree.insert(&mut store, &mut root.block, &rec, &mut room)
        };
        changed.map_err(tree_error).on(held.sb())?;
        root.reload_clusters(&store);
        Inode::set_blocks(held, inode.volume().sectors(root.dinode.clusters));
        Ok(())
    })?;
    Ok(txn)
}

/// Blocks of the file that a write touches.
fn fresh_blocks(
    geo: &crate::ondisk::base::geometry::Geometry,
    (pos, len): (u64, usize),
) -> core::ops::Range<u64> {
    let bits = geo.block_bits();
    pos >> bits..((pos + len as u64).saturating_sub(1) >> bits) + 1
}

/// Zeroes those blocks of a new cluster, at `blkno`, that the write doesn't touch, on the device.
/// Where clusters are as large as blocks there are none.
fn zero_rest(inode: &Inode, cpos: u32, blkno: u64, write: (u64, usize)) -> Result {
    let geo = &inode.volume().geo;
    let first = geo.clusters_to_blocks(cpos);
    let end = first + u64::from(geo.blocks_per_cluster());
    let touched = fresh_blocks(geo, write);
    for (from, to) in [(first, touched.start), (touched.end, end)] {
        if from < to {
            inode.sb().zeroout(blkno + (from - first), to - from)?;
        }
    }
    Ok(())
}

/// `->write_end`.
pub(crate) fn end(
    inode: &Inode,
    pos: i64,
    len: usize,
    copied: usize,
    folio: WriteFolio,
    write: KBox<Write>,
) -> Result<usize> {
    end_with(inode, pos, len, copied, folio, write).map(|(count, _)| count)
}

/// The same; also hands back that no folio is locked.
fn end_with(
    inode: &Inode,
    pos: i64,
    len: usize,
    copied: usize,
    mut folio: WriteFolio,
    write: KBox<Write>,
) -> Result<(usize, NoFolio)> {
    let Write {
        mut txn,
        inline,
        ordered,
        new,
        held,
    } = KBox::into_inner(write);
    let held = &inode.resume(held)?;
    let old_size = inode.size();
    let count = match inline {
        true => copied,
        false => commit_write(&mut folio, pos, len, copied),
    };
    let size = match count {
        0 => old_size,
        _ => old_size.max(pos + count as i64),
    };
    let discarded = !inline && count < len && size <= folio.pos();
    let stored = (|| {
        if discarded {
            discard(&mut folio);
            txn.change(|_| disown(held))?;
        }
        inode.meta().fresh = 0..0;
        if count == 0 {
            return Ok(0);
        }
        // What lies between the old end of an inline file and the write is zero in the folio.
        let from = old_size.min(pos).max(0) as usize;
        let mut text = KVec::new();
        if inline {
            text = KVec::from_elem(0, (size as usize).saturating_sub(from), GFP_NOFS)?;
            folio.copy_to(from, &mut text);
        }
        // New blocks whole, also where the copy fell short: the rest was zeroed in the folio. And
        // what becomes visible because the file gets longer.
        let order = !inline && !discarded && (ordered || size > old_size);
        txn.change(|log| {
            if order {
                let jbd = inode.data().jbd();
                jbd.ordered_write(inode, &mut log.handle, pos as u64, len as u64)?;
            }
            store_end(held, log, size, (from, &text))
        })?;
        Ok(count)
    })();
    let unlocked = folio.release();
    txn.end()?;
    if discarded {
        free_behind(held, &inode.volume().mounted()?, new, &unlocked)?;
    }
    stored.map(|count| (count, unlocked))
}

/// Size and times into the dinode, and the text of an inline file from offset `from` on.
fn store_end(held: &ExHeld<'_>, log: &mut Log, size: i64, (from, text): (usize, &[u8])) -> Result {
    let inode = held.inode();
    let time = inode.current_time();
    let now = disk_time(time);
    let mut meta = inode.meta();
    let (mut store, root) = meta.change(held, log)?;
    store
        .update(&mut root.block, |b| {
            if !text.is_empty() {
                bytes::put(b, ID_DATA + from, text);
            }
            Edit::of(b).size(size as u64).mtime(now).ctime(now);
        })
        .on(held.sb())?;
    let d = &mut root.dinode;
    d.size = size as u64;
    (d.mtime, d.ctime) = (now, now);
    Inode::set_size(held, size);
    Inode::set_modified(held, time);
    if !text.is_empty() {
        let blocks = inode.volume().blocks_of(d.clusters, d.dyn_features, d.size);
        Inode::set_blocks(held, blocks);
    }
    Ok(())
}

/// Moves an inline file's data to a cluster of its own. The data is on the device before the
/// dinode says so. A file without data gets no cluster.
fn expand_inline(held: &ExHeld<'_>, mounted: &Arc<Mounted>, wait: &NoFolio) -> Result {
    let inode = held.inode();
    let geo = &inode.volume().geo;
    let cluster = match inode.size() {
        0 => Cluster::No,
        _ => Cluster::Any,
    };
    let mut room = Resources::find(mounted, 0, cluster, wait)?;
    if let Cluster::Any = cluster {
        let blkno = room.cluster()?;
        let blocks = geo.blocks_per_cluster().into();
        inode.sb().zeroout(blkno, blocks)?;
        let mut block = Snapshot::read_fresh(inode.sb(), blkno, geo.block_size())?;
        let mut meta = inode.meta();
        let (store, root) = meta.plan(held)?;
        let text = store.content(&root.block).get(root.dinode.inline_range());
        block.write_sync(inode.sb(), |b| {
            b.fill(0);
            bytes::put(b, 0, text.unwrap_or(&[]));
        })?;
    }
    let mut txn = mounted.reserve(1 + Resources::credits(0))?;
    txn.change(|log| {
        let mut meta = inode.meta();
        meta.last = None;
        let (mut store, root) = meta.change(held, log)?;
        let blkno = match cluster {
            Cluster::No => None,
            _ => Some(room.claim_cluster(&mut store)?),
        };
        to_extents(&mut store, root, blkno, &mut room)?;
        root.reload(&store)?;
        Inode::set_blocks(held, inode.volume().sectors(root.dinode.clusters));
        Ok(())
    })?;
    txn.end()
}

/// Makes an inline file one that can have this size.
pub(crate) fn fit(held: &ExHeld<'_>, mounted: &Arc<Mounted>, size: i64, wait: &NoFolio) -> Result {
    match body(held)? {
        Body::Inline { room } if size > i64::from(room) => expand_inline(held, mounted, wait),
        _ => Ok(()),
    }
}

/// The next bytes from `at` to `end` that have blocks which are read as they are; `None` if there
/// are none, as in an inline file, whose gap is zeroed along with the write.
fn next_written(held: &ExHeld<'_>, at: u64, end: u64) -> Result<Option<(u64, u64)>> {
    let inode = held.inode();
    let geo = &inode.volume().geo;
    let bits = geo.cluster_bits();
    let mut meta = inode.meta();
    let (mut store, root) = meta.read(held)?;
    if root.dinode.body != Body::Extents {
        return Ok(None);
    }
    let mut from = at;
    while from < end {
        let cpos = u32::try_from(from >> bits).map_err(|_| EFBIG)?;
        let run = Tree::of_dinodes(geo)
            .lookup(&mut store, &root.block, cpos)
            .on(inode.sb())?;
        let to = (u64::from(cpos) + u64::from(run.clusters)) << bits;
        if run.what != Mapped::Hole && !run.what.is_unwritten() {
            return Ok(Some((from, to.min(end))));
        }
        from = to;
    }
    Ok(None)
}

/// Zeroes what lies between the end of the file and `pos`, where something is allocated: mostly
/// the rest of the last cluster. The inode lock and the rw lock are held.
pub(crate) fn zero_gap(inode: &Inode, pos: i64, wait: NoFolio) -> Result<NoFolio> {
    let page = 1u64 << kernel::page::PAGE_SHIFT;
    let mut wait = wait;
    let end = u64::try_from(pos).map_err(|_| EINVAL)?;
    let mut at = inode.size() as u64;
    while at < end {
        let range = {
            let held = inode.lock_exclusive(&wait)?;
            next_written(&held, at, end)?
        };
        let Some((from, to)) = range else { break };
        let to = to.min((from / page + 1) * page);
        let (start, len) = (from as i64, (to - from) as usize);
        let (folio, write) = begin(inode, start, len, WriteTarget::internal(inode), wait)?;
        let offset = (start - folio.pos()) as usize;
        folio.zero(offset, len);
        let (done, unlocked) = end_with(inode, start, len, len, folio, write)?;
        if done != len {
            return Err(EIO);
        }
        wait = unlocked;
        at = to;
    }
    Ok(wait)
}
