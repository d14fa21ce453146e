// SPDX-License-Identifier: GPL-2.0-only
//! New regular files, in directories without an index.

use crate::{
    alloc::{Locked, TreeBlocks},
    dir::{find_in, read_block},
    inode::{disk_time, iget, Expect, Root},
    lockres::Mode,
    mount::Mounted,
    ondisk::{
        chain::Found,
        dinode::{Body, INDEXED_DIR_FL, INLINE_DATA_FL},
        dinode_edit::{self, Edit, NewInode},
        dir_block::{self, Area, Room},
        extent::ExtentRec,
        file_type::FileType,
        geometry::Geometry,
        store::{Blocks, Journaled},
        suballoc::Reserve,
        tree::Tree,
    },
    store::{Block, Store},
    vfs::{
        dir::Entry,
        folio::NoFolio,
        inode::{owner_of_new, random_u32},
        time::now,
    },
    write::tree_error,
    Inode,
};
use kernel::{prelude::*, sync::aref::ARef};

/// Where the new name goes.
enum Place {
    /// Into the dinode.
    Inline(Area, Room),
    /// Into a block that has room.
    Block(KBox<Block>, Area, Room),
    /// The directory has to grow.
    Grow {
        /// Extent blocks that its tree may need.
        blocks: u16,
        /// Blocks that the transaction may change for that.
        credits: u32,
    },
}

/// `->create`. The directory is locked by the VFS.
///
/// # Errors
///
/// `EOPNOTSUPP` for an indexed directory; `ENOSPC`; `EROFS`; `EEXIST` if another node was faster.
pub(crate) fn file(
    dir: &Inode,
    entry: &Entry<'_>,
    mode: u16,
    wait: &NoFolio,
) -> Result<ARef<Inode>> {
    let mounted = dir.volume().mounted()?;
    let geo = dir.volume().geo;
    let name = entry.name();
    let held = dir.lock_cluster(Mode::Ex, wait)?;
    if dir.attributes().nlink == 0 {
        return Err(ENOENT);
    }
    let place = find_place(dir, name)?;
    let mut inodes = mounted.inode_alloc().lock(wait)?;
    let mut inode_bit = inodes.reserve_blocks(1, &mounted, wait)?;
    let mut room = match &place {
        Place::Grow { blocks, .. } => Some(Growth::find(dir, &mounted, *blocks, wait)?),
        _ => None,
    };
    let credits = match &place {
        Place::Grow { credits, .. } => *credits,
        _ => 0,
    };
    // The new dinode, dinode and group of its allocator, the directory and one of its blocks.
    let mut handle = mounted.journal().start(5 + credits)?;
    let done = (|| {
        let claimed = inodes.claim_block(&mut handle, &mut inode_bit, mounted.slot())?;
        let (uid, gid) = owner_of_new(dir);
        let time = disk_time(now());
        let mut meta = dir.meta();
        let (mut store, root) = meta.change(dir, &mut handle)?;
        let mut block = store.create(claimed.blkno)?;
        let new = NewInode {
            suballoc: claimed,
            generation: random_u32(),
            mode,
            links: 1,
            uid,
            gid,
            attr: root.dinode.attr,
            time,
            rdev: 0,
        };
        store.update(&mut block, |b| dinode_edit::init(b, &geo, &new))?;
        match place {
            Place::Inline(area, at) => store.update(&mut root.block, |b| {
                area.insert(b, at, name, claimed.blkno, FileType::Regular)
            })??,
            Place::Block(mut block, area, at) => store.update(&mut block, |b| {
                area.insert(b, at, name, claimed.blkno, FileType::Regular)
            })??,
            Place::Grow { .. } => {
                let growth = room.as_mut().ok_or(EIO)?;
                let slot = mounted.slot();
                grow(&mut store, root, &geo, growth, slot, (name, claimed.blkno))?
            }
        };
        store.update(&mut root.block, |b| {
            Edit::of(b).mtime(time).ctime(time);
        })?;
        root.reload(&geo)?;
        dir.touch_modified();
        dir.set_size(root.dinode.size as i64);
        dir.set_blocks(dir.volume().sectors(root.dinode.clusters));
        Ok(claimed.blkno)
    })();
    let blkno = done.inspect_err(|e| mounted.half_done(*e))?;
    handle.stop()?;
    entry.set_stamp(dir.locks()?.meta.generation());
    drop((room, inodes));
    let inode = iget(dir.sb(), blkno, Expect::User, wait);
    drop(held);
    inode
}

fn find_place(dir: &Inode, name: &[u8]) -> Result<Place> {
    let geo = &dir.volume().geo;
    let mut meta = dir.meta();
    let (mut store, root) = meta.read(dir)?;
    if root.dinode.dyn_features & INDEXED_DIR_FL != 0 {
        return Err(EOPNOTSUPP);
    }
    if find_in(&mut store, root, geo, name)?.is_some() {
        return Err(EEXIST);
    }
    if let Body::Inline { .. } = root.dinode.body {
        let area = Area::inline(&root.dinode, geo);
        return match area.find_room(root.block.bytes(), name.len())? {
            Some(room) => Ok(Place::Inline(area, room)),
            // One cluster, which the dinode's own list has room for.
            None => Ok(Place::Grow {
                blocks: 0,
                credits: 4,
            }),
        };
    }
    for index in 0..root.dinode.size >> geo.block_bits() {
        let block = read_block(&mut store, root, geo, index)?;
        let area = Area::block(block.bytes(), block.blkno(), &root.dinode, geo)?;
        if let Some(room) = area.find_room(block.bytes(), name.len())? {
            return Ok(Place::Block(KBox::new(block, GFP_KERNEL)?, area, room));
        }
    }
    let tree = Tree::of_dinodes(geo);
    let blocks = tree
        .blocks_needed(&mut store, &root.block, 1)
        .map_err(tree_error)?;
    let cpos = root.dinode.clusters;
    let credits = tree
        .credits(&mut store, &root.block, cpos, 1)
        .map_err(tree_error)?;
    let credits = credits + 3 + 3 * blocks;
    Ok(Place::Grow {
        blocks: u16::try_from(blocks).map_err(|_| ENOSPC)?,
        credits,
    })
}

/// Room for a directory that grows.
struct Growth<'a> {
    extents: Option<Locked<'a>>,
    reserve: Reserve,
    /// A cluster, unless the last one has a block left.
    bitmap: Option<(Locked<'a>, Found)>,
}

impl<'a> Growth<'a> {
    fn find(dir: &Inode, mounted: &'a Mounted, blocks: u16, wait: &NoFolio) -> Result<Self> {
        let geo = &dir.volume().geo;
        let full = {
            let mut meta = dir.meta();
            let (_, root) = meta.read(dir)?;
            let d = &root.dinode;
            matches!(d.body, Body::Inline { .. })
                || d.size >> geo.cluster_bits() >= u64::from(d.clusters)
        };
        let mut extents = match blocks {
            0 => None,
            _ => Some(mounted.extent_alloc().lock(wait)?),
        };
        let reserve = match &mut extents {
            Some(alloc) => alloc.reserve_blocks(blocks, mounted, wait)?,
            None => Reserve::empty(),
        };
        let bitmap = if full {
            let mut bitmap = mounted.bitmap().lock(wait)?;
            let found = bitmap.find_clusters(1, 1, None)?.ok_or(ENOSPC)?;
            Some((bitmap, found))
        } else {
            None
        };
        Ok(Self {
            extents,
            reserve,
            bitmap,
        })
    }
}

/// Adds a block to the directory and the entry to that. An inline directory moves out of its
/// dinode. Returns the entry's offset in its block.
fn grow(
    store: &mut Store<'_>,
    root: &mut Root,
    geo: &Geometry,
    growth: &mut Growth<'_>,
    slot: u16,
    (name, inode): (&[u8], u64),
) -> Result<usize> {
    let was = root.dinode;
    let inline = matches!(was.body, Body::Inline { .. });
    let old = match inline {
        true => Some(copy(root.block.bytes())?),
        false => None,
    };
    if inline {
        store.update(&mut root.block, |b| {
            dinode_edit::init_extent_list(b, was.xattr_inline_size);
            Edit::of(b)
                .dyn_features(was.dyn_features & !INLINE_DATA_FL)
                .size(1 << geo.block_bits());
        })?;
    }
    let index = if inline {
        0
    } else {
        was.size >> geo.block_bits()
    };
    if let Some((bitmap, found)) = &mut growth.bitmap {
        bitmap.claim_clusters(store.handle()?, found)?;
        let cpos = if inline { 0 } else { was.clusters };
        let rec = ExtentRec {
            cpos,
            clusters: 1,
            blkno: found.blkno,
            flags: 0,
        };
        let mut source = TreeBlocks {
            from: growth
                .extents
                .as_mut()
                .map(|alloc| (alloc, &mut growth.reserve)),
            slot,
        };
        Tree::of_dinodes(geo)
            .insert(store, &mut root.block, &rec, &mut source)
            .map_err(tree_error)?;
    }
    root.reload(geo)?;
    let at = append_block(
        store,
        root,
        geo,
        index,
        |b, blkno, d| match &old {
            Some(old) => dir_block::expand_inline(old, &was, b, blkno, geo),
            None => dir_block::format(b, blkno, d, geo)
                .ok_or(crate::ondisk::error::Corrupt::new(blkno, "directory block")),
        },
        (name, inode),
    )?;
    store.update(&mut root.block, |b| {
        Edit::of(b).size((index + 1) << geo.block_bits());
    })?;
    Ok(at)
}

fn append_block(
    store: &mut Store<'_>,
    root: &Root,
    geo: &Geometry,
    index: u64,
    format: impl FnOnce(
        &mut [u8],
        u64,
        &crate::ondisk::dinode::Dinode,
    ) -> crate::ondisk::error::Result<Area>,
    (name, inode): (&[u8], u64),
) -> Result<usize> {
    let per_cluster = geo.blocks_per_cluster_bits();
    let cpos = u32::try_from(index >> per_cluster).map_err(|_| EFBIG)?;
    let crate::ondisk::tree::Mapped::Extent { blkno, .. } =
        Tree::of_dinodes(geo).lookup(store, &root.block, cpos)?.what
    else {
        return Err(EUCLEAN);
    };
    let blkno = blkno + (index & ((1 << per_cluster) - 1));
    let mut block = store.create(blkno)?;
    let at = store.update(&mut block, |b| {
        let area = format(b, blkno, &root.dinode)?;
        let full = crate::ondisk::error::Corrupt::new(blkno, "directory block");
        let room = area.find_room(b, name.len())?.ok_or(full)?;
        area.insert(b, room, name, inode, FileType::Regular)
    })??;
    Ok(at)
}

fn copy(bytes: &[u8]) -> Result<KVec<u8>> {
    let mut out = KVec::with_capacity(bytes.len(), GFP_KERNEL)?;
    out.extend_from_slice(bytes, GFP_KERNEL)?;
    Ok(out)
}
