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
        inline::{body, fill},
        map,
    },
    meta::{
        attributes::disk_time,
        corrupt::{Failure, Report as _},
        guards::ExHeld,
        inode::InodeExt,
        metadata::Meta,
    },
    ondisk::{
        base::{bytes, store::Journaled},
        extent::{
            insert::TreeError,
            list::ExtentRec,
            tree::{Mapped, Tree},
        },
        inode::{
            dinode::{Body, HAS_REFCOUNT_FL, ID_DATA},
            edit::Edit,
        },
    },
    space::resources::{Cluster, Resources},
    vfs::{
        fs::{
            address_space::{commit_write, discard, prepare_write, Purpose, WriteTarget},
            folio::{NoFolio, WriteFolio},
        },
        jbd2::Handle,
    },
    volume::mounted::Mounted,
    Inode, Ocfs2,
};
use kernel::prelude::*;

/// What a write has between its two calls. Dropped in this order.
pub(crate) struct Write {
    handle: Handle,
    /// Whether the data is in the dinode.
    inline: bool,
    /// Whether blocks were allocated that may not show old content after a crash.
    ordered: bool,
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
    /// One cluster has to be allocated, or to lose its unwritten mark.
    Cluster(Want),
}

/// What a cluster of the file needs before it can be written.
struct Want {
    cpos: u32,
    /// `No` if it is there, and unwritten.
    cluster: Cluster,
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
    let (mut store, root) = meta.read(held)?;
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
    let (cluster, records) = match what {
        Mapped::Hole => (Cluster::behind(&mut store, root, geo, cpos)?, 1),
        _ if what.is_unwritten() => (Cluster::No, 2),
        _ => return Ok(Plan::Ready),
    };
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
        blocks,
        // One for the dinode.
        credits: credits + 1 + Resources::credits(blocks),
    }))
}

/// What user space hears of a tree that couldn't be changed.
pub(crate) fn tree_error(e: TreeError<Failure>) -> Failure {
    match e {
        TreeError::Store(e) => e,
        TreeError::Full => EFBIG.into(),
        TreeError::Refcounted => EOPNOTSUPP.into(),
        TreeError::BadRecord(_) | TreeError::Exists | TreeError::Hole => EUCLEAN.into(),
    }
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
    let mut todo = plan(&held, start, len)?;
    if matches!(todo, Plan::Expand) {
        expand_inline(&held, &mounted, &wait)?;
        todo = plan(&held, start, len)?;
    }
    let (handle, inline, ordered) = match todo {
        Plan::Inline => (mounted.journal().start(1)?, true, false),
        Plan::Ready | Plan::Expand => (mounted.journal().start(1)?, false, false),
        Plan::Cluster(want) => (
            allocate(&held, &mounted, &want, (start, len), &wait)?,
            false,
            true,
        ),
    };
    match get_folio(&held, pos, len, inline, &target, wait) {
        Ok(folio) => {
            let write = Write {
                handle,
                inline,
                ordered,
                held: held.keep()?,
            };
            Ok((folio, KBox::write(memory, write)))
        }
        Err(e) => {
            if ordered {
                disown(&held).inspect_err(|e| mounted.half_done(*e))?;
            }
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
) -> Result<WriteFolio> {
    let inode = held.inode();
    let mut folio = target.folio(pos, len, wait).map_err(|(_, e)| e)?;
    match inline {
        true if folio.is_uptodate() => {}
        // It is inline, as it was planned.
        true => fill(held, &folio).map(drop)?,
        false => prepare_write::<Ocfs2, Aops>(inode, &mut folio, pos, len).inspect_err(|_| {
            if inode.size() <= folio.pos() {
                discard(&mut folio);
            }
        })?,
    }
    Ok(folio)
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
    mounted: &Mounted,
    want: &Want,
    write: (u64, usize),
    wait: &NoFolio,
) -> Result<Handle> {
    let inode = held.inode();
    let geo = &inode.volume().geo;
    let mut room = Resources::find(mounted, want.blocks, want.cluster, wait)?;
    let mut handle = mounted.journal().start(want.credits)?;
    let mut meta = inode.meta();
    let tree = Tree::of_dinodes(geo);
    let done = (|| {
        let (mut store, root) = meta.change(held, &mut handle)?;
        let blkno = if let Cluster::No = want.cluster {
            tree.mark_written(&mut store, &mut root.block, want.cpos, 1, &mut room)
                .map_err(tree_error)
                .on(inode.sb())?;
            match tree
                .lookup(&mut store, &root.block, want.cpos)
                .on(inode.sb())?
                .what
            {
                Mapped::Extent { blkno, .. } => blkno,
                Mapped::Hole => return Err(EUCLEAN),
            }
        } else {
            let rec = ExtentRec {
                cpos: want.cpos,
                clusters: 1,
                blkno: room.claim_cluster(&mut store)?,
                flags: 0,
            };
            tree.insert(&mut store, &mut root.block, &rec, &mut room)
                .map_err(tree_error)
                .on(inode.sb())?;
            rec.blkno
        };
        root.reload(inode.sb())?;
        Inode::set_blocks(held, inode.volume().sectors(root.dinode.clusters));
        Ok(blkno)
    })();
    let blkno = done.inspect_err(|e| mounted.half_done(*e))?;
    // Before anybody can look: readers of this node aren't kept out, and the device has there what
    // a file had that was deleted.
    let first = geo.clusters_to_blocks(want.cpos);
    meta.fresh = first..first + u64::from(geo.blocks_per_cluster());
    drop(meta);
    zero_rest(inode, want.cpos, blkno, write).inspect_err(|e| mounted.half_done(*e))?;
    inode.meta().fresh = fresh_blocks(geo, write);
    Ok(handle)
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
        mut handle,
        inline,
        ordered,
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
    let data = inode.data();
    let discarded = !inline && count < len && size <= folio.pos();
    let stored = (|| {
        if discarded {
            discard(&mut folio);
            disown(held)?;
        }
        let mut meta = inode.meta();
        meta.fresh = 0..0;
        if count == 0 {
            return Ok(());
        }
        if inline {
            store_inline(
                held,
                &mut meta,
                &mut handle,
                &folio,
                old_size.min(pos),
                size,
            )?;
        }
        Inode::set_size(held, size);
        update_dinode(held, &mut meta, &mut handle, size)
    })();
    let result = stored.and_then(|()| {
        // New blocks whole, also where the copy fell short: the rest was zeroed in the folio. And
        // what becomes visible because the file gets longer.
        if !inline && !discarded && (ordered || size > old_size) {
            let jbd = data.jbd();
            jbd.ordered_write(inode, &mut handle, pos as u64, len as u64)?;
        }
        Ok(count)
    });
    let unlocked = folio.release();
    handle.stop()?;
    result.map(|count| (count, unlocked))
}

/// Size and times into the dinode.
fn update_dinode(held: &ExHeld<'_>, meta: &mut Meta, handle: &mut Handle, size: i64) -> Result {
    let time = held.inode().current_time();
    Inode::set_modified(held, time);
    let now = disk_time(time);
    let last = meta.last;
    let (mut store, root) = meta.change(held, handle)?;
    store
        .update(&mut root.block, |b| {
            Edit::of(b).size(size as u64).mtime(now).ctime(now);
        })
        .on(held.sb())?;
    root.dinode.size = size as u64;
    (root.dinode.mtime, root.dinode.ctime) = (now, now);
    // The extents are what they were.
    meta.last = last;
    Ok(())
}

/// Bytes from `from` to `size` of an inline file, out of its folio into the dinode. What lies
/// between the old end and the write is zero in the folio.
fn store_inline(
    held: &ExHeld<'_>,
    meta: &mut Meta,
    handle: &mut Handle,
    folio: &WriteFolio,
    from: i64,
    size: i64,
) -> Result {
    let (from, size) = (from.max(0) as usize, size as usize);
    let mut text = KVec::from_elem(0, size.saturating_sub(from), GFP_NOFS)?;
    folio.copy_to(from, &mut text);
    let (mut store, root) = meta.change(held, handle)?;
    store
        .update(&mut root.block, |b| bytes::put(b, ID_DATA + from, &text))
        .on(held.sb())?;
    let d = &root.dinode;
    let volume = held.inode().volume();
    Inode::set_blocks(
        held,
        volume.blocks_of(d.clusters, d.dyn_features, size as u64),
    );
    Ok(())
}

/// Moves an inline file's data to a cluster of its own. The data is on the device before the
/// dinode says so.
fn expand_inline(held: &ExHeld<'_>, mounted: &Mounted, wait: &NoFolio) -> Result {
    let inode = held.inode();
    let geo = &inode.volume().geo;
    let mut room = Resources::find(mounted, 0, Cluster::Any, wait)?;
    let blkno = room.cluster()?;
    inode
        .sb()
        .zeroout(blkno, u64::from(geo.blocks_per_cluster()))?;
    {
        let mut meta = inode.meta();
        let (_, root) = meta.read(held)?;
        let text = root
            .block
            .bytes()
            .get(root.dinode.inline_range())
            .unwrap_or(&[]);
        let mut block = crate::meta::store::Block::read_fresh(inode.sb(), blkno, geo.block_size())?;
        block.write_sync(inode.sb(), |b| {
            b.fill(0);
            bytes::put(b, 0, text);
        })?;
    }
    mounted.change(1 + Resources::credits(0), |handle| {
        let mut meta = inode.meta();
        let (mut store, root) = meta.change(held, handle)?;
        room.claim_cluster(&mut store)?;
        let features = root.dinode.dyn_features & !crate::ondisk::inode::dinode::INLINE_DATA_FL;
        let xattr = root.dinode.xattr_inline_size;
        store
            .update(&mut root.block, |b| {
                crate::ondisk::inode::edit::init_extent_list(b, xattr);
                Edit::of(b).dyn_features(features);
            })
            .on(inode.sb())?;
        let rec = ExtentRec {
            cpos: 0,
            clusters: 1,
            blkno,
            flags: 0,
        };
        Tree::of_dinodes(geo)
            .insert(&mut store, &mut root.block, &rec, &mut room)
            .map_err(tree_error)
            .on(inode.sb())?;
        root.reload(inode.sb())?;
        Inode::set_blocks(held, inode.volume().sectors(root.dinode.clusters));
        Ok(())
    })
}

/// Makes an inline file one that can have this size.
pub(crate) fn fit(held: &ExHeld<'_>, mounted: &Mounted, size: i64, wait: &NoFolio) -> Result {
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
