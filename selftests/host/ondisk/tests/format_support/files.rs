// SPDX-License-Identifier: GPL-2.0-only
//! Files and directories made by the format code on an image, for fsck.ocfs2 to judge.

use ocfs2_ondisk_host::ondisk::alloc::chain::{Allocator, Found};
use ocfs2_ondisk_host::ondisk::base::bytes::BlockMut;
use ocfs2_ondisk_host::ondisk::base::error::Corrupt;
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::base::store::{Blocks, ExtentBlockSource, Journaled, Suballoc};
use ocfs2_ondisk_host::ondisk::dir::dx;
use ocfs2_ondisk_host::ondisk::dir::dx_edit::{self, Plan};
use ocfs2_ondisk_host::ondisk::dir::dx_grow;
use ocfs2_ondisk_host::ondisk::dir::{block as dir_block, block::Area};
use ocfs2_ondisk_host::ondisk::extent::list::ExtentRec;
use ocfs2_ondisk_host::ondisk::extent::tree::Tree;
use ocfs2_ondisk_host::ondisk::inode::dinode::{Body, Time, INDEXED_DIR_FL, INLINE_DATA_FL};
use ocfs2_ondisk_host::ondisk::inode::{
    edit as dinode_edit,
    edit::{Edit, NewInode},
};
use ocfs2_ondisk_host::ondisk::volume::system_inodes::SystemInode;

use super::Image;

impl Blocks for Image {
    type Error = Corrupt;
    type Block = u64;

    fn block_size(&self) -> usize {
        self.fs().block_size()
    }

    fn blocks(&self) -> u64 {
        self.fs().blocks()
    }

    fn read(&mut self, blkno: u64) -> Result<u64, Corrupt> {
        assert!(
            blkno < self.fs().blocks(),
            "block {blkno} is past the volume"
        );
        self.reads += 1;
        Ok(blkno)
    }

    fn bytes<'a>(&'a self, block: &'a u64) -> &'a [u8] {
        self.block(*block)
    }
}

impl Journaled for Image {
    fn create(&mut self, blkno: u64) -> Result<u64, Corrupt> {
        self.block_mut(blkno).fill(0);
        Ok(blkno)
    }

    fn update<R>(
        &mut self,
        block: &mut u64,
        change: impl FnOnce(&mut BlockMut<'_>) -> R,
    ) -> Result<R, Corrupt> {
        Ok(change(&mut BlockMut::new(self.block_mut(*block))))
    }
}

/// Extent blocks from the first slot's allocator.
pub struct ExtentBlocks;

impl ExtentBlockSource<Image> for ExtentBlocks {
    fn claim(&mut self, image: &mut Image) -> Result<Suballoc, Corrupt> {
        Ok(image.claim(SystemInode::ExtentAlloc(0), None).suballoc(0))
    }
}

/// No extent blocks: for trees that stay in the dinode.
struct NoExtentBlocks;

impl ExtentBlockSource<Image> for NoExtentBlocks {
    fn claim(&mut self, _: &mut Image) -> Result<Suballoc, Corrupt> {
        panic!("an extent list ran out of room")
    }
}

/// A time that nothing else makes.
pub const TIME: Time = Time {
    sec: 1_234_567_890,
    nsec: 123_456_789,
};

impl Image {
    /// Claims a bit; a suballocator that is full gets a group first.
    pub fn claim(&mut self, allocator: SystemInode, goal: Option<u64>) -> Found {
        let fs = *self.fs();
        let alloc = match allocator {
            SystemInode::GlobalBitmap => Allocator::clusters(&fs),
            _ => Allocator::blocks(&fs),
        };
        let mut dinode = self.system(allocator).blkno();
        let mut found = alloc.find(self, &dinode, 1, 1, goal).unwrap();
        if found.is_none() && !matches!(allocator, SystemInode::GlobalBitmap) {
            let clusters = alloc.group_clusters(self.block(dinode)).unwrap();
            let bitmap = Allocator::clusters(&fs);
            let mut global = self.system(SystemInode::GlobalBitmap).blkno();
            let run = bitmap
                .find(self, &global, clusters, clusters, None)
                .unwrap()
                .unwrap();
            bitmap.claim(self, &mut global, &run).unwrap();
            let first = fs.block_to_cluster(run.blkno).unwrap();
            alloc.add_group(self, &mut dinode, first).unwrap();
            found = alloc.find(self, &dinode, 1, 1, goal).unwrap();
        }
        let found = found.expect("no room on the volume");
        alloc.claim(self, &mut dinode, &found).unwrap();
        found
    }

    /// Makes an inode without a name.
    pub fn create_inode(&mut self, mode: u16, links: u32, rdev: u64) -> u64 {
        let fs = *self.fs();
        let suballoc = self.claim(SystemInode::InodeAlloc(0), None).suballoc(0);
        let new = NewInode {
            suballoc,
            generation: 0x1234_5678,
            mode,
            links,
            uid: 1000,
            gid: 100,
            attr: 0,
            time: TIME,
            rdev,
        };
        dinode_edit::init(self.block_mut(suballoc.blkno), &fs, &new);
        suballoc.blkno
    }

    /// Appends a cluster to an inode with an extent list.
    pub fn add_cluster(&mut self, inode: u64) -> u64 {
        let fs = *self.fs();
        let dinode = self.dinode(inode);
        let goal = self.data_blocks(&dinode).last().map(|last| last + 1);
        let found = self.claim(SystemInode::GlobalBitmap, goal);
        let cpos = dinode.clusters;
        let rec = ExtentRec {
            cpos,
            clusters: 1,
            blkno: found.blkno,
            flags: 0,
        };
        let mut root = inode;
        Tree::of_dinodes(&fs)
            .insert(self, &mut root, &rec, &mut NoExtentBlocks)
            .unwrap();
        found.blkno
    }

    /// A name for an inode in a directory, which grows if it must.
    pub fn link(&mut self, dir: u64, name: &[u8], inode: u64, file_type: FileType) {
        loop {
            let dinode = self.dinode(dir);
            for (blkno, area) in self.areas(&dinode) {
                let block = self.block_mut(blkno);
                assert_eq!(area.find(block, name), Ok(None));
                if let Some(room) = area.find_room(block, name.len()).unwrap() {
                    let at = area.insert(block, room, name, inode, file_type).unwrap();
                    let found = area.find(block, name).unwrap().unwrap();
                    assert_eq!((found.offset, found.inode), (at, inode));
                    return;
                }
            }
            self.grow_dir(dir);
        }
    }

    /// Takes a name away.
    pub fn unlink(&mut self, dir: u64, name: &[u8]) {
        let dinode = self.dinode(dir);
        for (blkno, area) in self.areas(&dinode) {
            let block = self.block_mut(blkno);
            if let Some(entry) = area.find(block, name).unwrap() {
                let offset = entry.offset;
                area.remove(block, offset).unwrap();
                return;
            }
        }
        panic!("no such name");
    }

    fn grow_dir(&mut self, dir: u64) {
        let fs = *self.fs();
        let dinode = self.dinode(dir);
        let block_size = fs.block_size() as u64;
        if matches!(dinode.body, Body::Inline { .. }) {
            let inline = self.block(dir).to_vec();
            let block = self.block_mut(dir);
            dinode_edit::init_extent_list(block, dinode.xattr_inline_size);
            let features = dinode.dyn_features & !INLINE_DATA_FL;
            Edit::of(block).dyn_features(features).size(block_size);
            // The size is out of step with the clusters until the tree has them.
            let found = self.claim(SystemInode::GlobalBitmap, None);
            let rec = ExtentRec {
                cpos: 0,
                clusters: 1,
                blkno: found.blkno,
                flags: 0,
            };
            let mut root = dir;
            Tree::of_dinodes(&fs)
                .insert(self, &mut root, &rec, &mut NoExtentBlocks)
                .unwrap();
            let block = self.block_mut(found.blkno);
            dir_block::expand_inline(&inline, &dinode, block, found.blkno, &fs).unwrap();
            return;
        }
        if dinode.size == u64::from(dinode.clusters) << fs.cluster_bits() {
            self.add_cluster(dir);
        }
        let size = dinode.size + block_size;
        Edit::of(self.block_mut(dir)).size(size);
        let dinode = self.dinode(dir);
        let blkno = *self.data_blocks(&dinode).last().unwrap();
        dir_block::format(self.block_mut(blkno), blkno, &dinode, &fs).unwrap();
    }

    /// A new directory in `parent`.
    pub fn mkdir(&mut self, parent: u64, name: &[u8]) -> u64 {
        let fs = *self.fs();
        let dir = self.create_inode(0o40755, 2, 0);
        if let Body::Inline { room } = self.dinode(dir).body {
            Edit::of(self.block_mut(dir)).size(room.into());
            let area = Area::inline(&self.dinode(dir), &fs);
            area.init_dots(self.block_mut(dir), dir, parent).unwrap();
        } else {
            self.grow_dir(dir);
            let dinode = self.dinode(dir);
            let (blkno, area) = self.areas(&dinode)[0];
            area.init_dots(self.block_mut(blkno), dir, parent).unwrap();
        }
        self.link(parent, name, dir, FileType::Directory);
        let links = self.dinode(parent).links + 1;
        Edit::of(self.block_mut(parent)).links(links);
        dir
    }

    /// A new file of any other type in `parent`.
    pub fn mknod(&mut self, parent: u64, name: &[u8], mode: u16, rdev: u64) -> u64 {
        let inode = self.create_inode(mode, 1, rdev);
        self.link(parent, name, inode, FileType::from_mode(mode).unwrap());
        inode
    }

    /// As [`Image::link`], on a volume where directories in extents have an index.
    pub fn link_indexed(&mut self, dir: u64, name: &[u8], inode: u64, file_type: FileType) {
        let fs = *self.fs();
        for _ in 0..4 {
            let dinode = self.dinode(dir);
            if let Body::Inline { .. } = dinode.body {
                let area = Area::inline(&dinode, &fs);
                let block = self.block_mut(dir);
                if let Some(room) = area.find_room(block, name.len()).unwrap() {
                    area.insert(block, room, name, inode, file_type).unwrap();
                    return;
                }
                self.leave_inline_indexed(dir);
                continue;
            }
            match dx_edit::plan(self, &dinode, &fs, name).unwrap() {
                Plan::Ready(insert) => {
                    insert.apply(self, name, inode, file_type).unwrap();
                    return;
                }
                Plan::NoDirRoom => {
                    self.grow_dir(dir);
                    let dinode = self.dinode(dir);
                    let blkno = *self.data_blocks(&dinode).last().unwrap();
                    dx_edit::link_block(self, &dinode, &fs, &mut { blkno }, blkno).unwrap();
                }
                Plan::NoIndexRoom => {
                    let growth = dx_grow::plan(self, &dinode, &fs, name).unwrap();
                    let growth = growth.expect("the index can't grow");
                    // Far from the directory's own blocks, whose list must not run out of room.
                    let far = Some(fs.blocks() / 4 * 3);
                    let cluster = self.claim(SystemInode::GlobalBitmap, far).blkno;
                    growth.apply(self, &fs, cluster, &mut ExtentBlocks).unwrap();
                    self.growths += 1;
                }
            }
        }
        panic!("no room for a name, however much was made");
    }

    /// An inline directory gets a block and an index.
    fn leave_inline_indexed(&mut self, dir: u64) {
        let fs = *self.fs();
        let (old, inline) = (self.dinode(dir), self.block(dir).to_vec());
        self.grow_dir(dir);
        let dinode = self.dinode(dir);
        let blkno = self.data_blocks(&dinode)[0];
        let mut block = vec![0; fs.block_size()];
        let area = dir_block::expand_inline_indexed(&inline, &old, &mut block, blkno, &fs).unwrap();
        self.block_mut(blkno).copy_from_slice(&block);

        let suballoc = self.claim(SystemInode::ExtentAlloc(0), None).suballoc(0);
        dx_edit::create(self, suballoc, dir, (&blkno, blkno, &area), &fs).unwrap();
        let features = dinode.dyn_features | INDEXED_DIR_FL;
        Edit::of(self.block_mut(dir))
            .dyn_features(features)
            .dx_root(suballoc.blkno);
    }

    /// As [`Image::unlink`], in an indexed directory.
    pub fn unlink_indexed(&mut self, dir: u64, name: &[u8]) {
        let (dinode, fs) = (self.dinode(dir), *self.fs());
        let hit = dx::lookup(self, &dinode, &fs, name)
            .unwrap()
            .expect("no such name");
        dx_edit::remove(self, hit).unwrap();
    }
}
