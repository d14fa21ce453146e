// SPDX-License-Identifier: GPL-2.0-only
//! Indexes that the format code makes and changes, judged by fsck.ocfs2, which looks every name up
//! and compares the free lists.

mod format_support;

use std::collections::BTreeSet;

use format_support::Image;
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::dir::dx;
use ocfs2_ondisk_host::ondisk::dir::dx_edit::{self, Plan};
use ocfs2_ondisk_host::ondisk::dir::dx_grow;
use ocfs2_ondisk_host::ondisk::dir::dx_hash::NameHash;
use ocfs2_ondisk_host::ondisk::extent::tree::Tree;
use ocfs2_ondisk_host::ondisk::inode::dinode::Dinode;
use ocfs2_ondisk_host::ondisk::inode::edit::Edit;

/// A directory and a file that its names lead to, on a volume with indexed directories.
struct Fixture {
    image: Image,
    dir: u64,
    file: u64,
    names: BTreeSet<Vec<u8>>,
}

impl Fixture {
    fn new(args: &str) -> Self {
        // mkfs.ocfs2 leaves a system directory of more than one block without an index, which
        // fsck.ocfs2 complains of; tunefs.ocfs2 makes one.
        let mut image = Image::mkfs(32, &format!("{args} -M local --fs-features=noindexed-dirs"));
        image.tunefs("--fs-features=indexed-dirs");
        image.assert_clean();
        let root = image.fs().root_blkno;
        let dir = image.mkdir(root, b"d");
        let file = image.mknod(root, b"f", 0o100644, 0);
        Self {
            image,
            dir,
            file,
            names: BTreeSet::new(),
        }
    }

    fn add(&mut self, name: &[u8]) {
        self.image
            .link_indexed(self.dir, name, self.file, FileType::Regular);
        assert!(self.names.insert(name.to_vec()));
    }

    fn remove(&mut self, name: &[u8]) {
        self.image.unlink_indexed(self.dir, name);
        assert!(self.names.remove(name));
    }

    fn dinode(&self) -> Dinode {
        self.image.dinode(self.dir)
    }

    fn root(&self) -> dx::DxRoot {
        let dinode = self.dinode();
        let root = dinode.dx_root.expect("the directory has no index");
        dx::DxRoot::decode(self.image.block(root), root, &dinode, self.image.fs()).unwrap()
    }

    /// fsck.ocfs2 is content, and each name is found, none more.
    fn check(&mut self) {
        let links = 1 + self.names.len() as u32;
        Edit::of(self.image.block_mut(self.file)).links(links);
        self.image.assert_clean();
        let (dinode, fs) = (self.dinode(), *self.image.fs());
        assert_eq!(self.root().num_entries as usize, self.names.len() + 2);
        for name in &self.names {
            let hit = dx::lookup(&mut self.image, &dinode, &fs, name).unwrap();
            let hit = hit.unwrap_or_else(|| panic!("{} is lost", name.escape_ascii()));
            assert_eq!(hit.inode, self.file);
        }
        assert!(dx::lookup(&mut self.image, &dinode, &fs, b"absent")
            .unwrap()
            .is_none());
    }
}

fn name(n: usize) -> Vec<u8> {
    format!("name-{n}-{}", "y".repeat(n % 23)).into_bytes()
}

#[test]
fn an_index_is_made_when_a_directory_leaves_its_dinode() {
    for args in ["-b 512 -C 4K -N 2", "-b 4K -C 4K -N 2"] {
        let mut fixture = Fixture::new(args);
        let mut n = 0;
        while fixture.dinode().dx_root.is_none() {
            fixture.add(&name(n));
            n += 1;
        }
        assert!(fixture.root().entries.is_some());
        fixture.check();
    }
}

#[test]
fn an_index_grows_out_of_its_root_and_splits() {
    // Block size, cluster size; names; whether the tree gets a level of extent blocks.
    for (sizes, count, deep) in [
        ("-b 4K -C 4K", 1200, false),
        ("-b 1K -C 16K", 2500, false),
        ("-b 512 -C 4K", 4500, true),
    ] {
        let mut fixture = Fixture::new(&format!("{sizes} -N 2"));
        let mut grown = 0;
        for n in 0..count {
            fixture.add(format!("{n:04x}").as_bytes());
            // Looked at when the entries leave the root, and at the first split.
            if fixture.image.growths != grown && grown < 2 {
                grown = fixture.image.growths;
                fixture.check();
            }
        }
        assert!(
            fixture.image.growths > 3,
            "{sizes}: {}",
            fixture.image.growths
        );
        fixture.check();
        let root = fixture.dinode().dx_root.unwrap();
        let fs = *fixture.image.fs();
        let list = Tree::of_dx_roots(&fs);
        let mut records = 0;
        list.visit(&mut fixture.image, &root, 0, |_| {
            records += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        let in_root = (fs.block_size() - 0xc0 - 16) / 16;
        assert_eq!(
            records > in_root,
            deep,
            "{sizes}: {records} records, {in_root} in the root"
        );
    }
}

#[test]
fn names_go_and_their_room_is_used_again() {
    for sizes in ["-b 512 -C 4K", "-b 4K -C 4K"] {
        let mut fixture = Fixture::new(&format!("{sizes} -N 2"));
        for n in 0..400 {
            fixture.add(&name(n));
        }
        fixture.check();
        let size = fixture.dinode().size;
        for round in 0..3 {
            for n in (round..400).step_by(3) {
                fixture.remove(&name(n));
            }
            // A run of fsck.ocfs2 takes most of a second: not after every step.
            if round == 0 {
                fixture.check();
            }
            for n in (round..400).step_by(3) {
                fixture.add(&name(n + 1000 * (round + 1)));
            }
            fixture.check();
        }
        // Lengths differ a little from those that went, so a few blocks may have been added.
        assert!(fixture.dinode().size <= size + size / 4, "{sizes}");
        for name in fixture.names.clone() {
            fixture.remove(&name);
        }
        fixture.check();
        let dinode = fixture.dinode();
        for (blkno, area) in fixture.image.areas(&dinode) {
            assert_eq!(area.holds_only_dots(fixture.image.block(blkno)), Ok(true));
        }
    }
}

#[test]
fn an_index_that_tunefs_made_is_changed() {
    let args = "-b 1K -C 4K -N 2 -M local --fs-features=noindexed-dirs,noinline-data";
    let mut image = Image::mkfs(32, args);
    let root = image.fs().root_blkno;
    let dir = image.mkdir(root, b"d");
    let file = image.mknod(root, b"f", 0o100644, 0);
    let mut fixture = Fixture {
        image,
        dir,
        file,
        names: BTreeSet::new(),
    };
    for n in 0..300 {
        fixture
            .image
            .link(fixture.dir, &name(n), fixture.file, FileType::Regular);
        fixture.names.insert(name(n));
    }
    Edit::of(fixture.image.block_mut(fixture.file)).links(301);
    fixture.image.tunefs("--fs-features=indexed-dirs");
    fixture.check();
    for n in 0..150 {
        fixture.remove(&name(n * 2));
    }
    for n in 1000..1400 {
        fixture.add(&name(n));
    }
    fixture.check();
}

#[test]
fn names_that_all_hash_alike_run_out_of_room() {
    // A volume whose seed the test knows would be needed for real ones: the entries are forged.
    let mut fixture = Fixture::new("-b 512 -C 4K -N 2");
    for n in 0..200 {
        fixture.add(&name(n));
    }
    let (dinode, fs) = (fixture.dinode(), *fixture.image.fs());
    let wanted = b"the name that is wanted";
    let hash = NameHash::of(wanted, &fs.dx_seed);
    let hit = dx::lookup(&mut fixture.image, &dinode, &fs, &name(1))
        .unwrap()
        .unwrap();
    assert!(hit.indexed.leaf.is_some());
    // All leaves are filled with entries of that hash: whichever it is, it can't be split.
    let mut leaves = Vec::new();
    let root = dinode.dx_root.unwrap();
    Tree::of_dx_roots(&fs)
        .visit(&mut fixture.image, &root, 0, |rec| {
            leaves.extend(rec.blkno..rec.blkno + fs.clusters_to_blocks(rec.clusters));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    for leaf in leaves {
        let block = fixture.image.block_mut(leaf);
        let count = u16::from_le_bytes([block[0x2c], block[0x2d]]);
        block[0x2e..0x30].copy_from_slice(&count.to_le_bytes());
        for entry in block[0x30..][..usize::from(count) * 16].chunks_exact_mut(16) {
            entry[..4].copy_from_slice(&hash.major.to_le_bytes());
        }
    }
    let plan = dx_edit::plan(&mut fixture.image, &dinode, &fs, wanted).unwrap();
    assert!(matches!(plan, Plan::NoIndexRoom));
    let growth = dx_grow::plan(&mut fixture.image, &dinode, &fs, wanted).unwrap();
    assert!(growth.is_none());
}

#[test]
fn a_free_list_that_goes_round_is_found_out() {
    let mut fixture = Fixture::new("-b 512 -C 4K -N 2");
    for n in 0..60 {
        fixture.add(&name(n));
    }
    let (dinode, fs) = (fixture.dinode(), *fixture.image.fs());
    let long = [b'n'; 250];
    let mut blocks = Vec::new();
    for (blkno, area) in fixture.image.areas(&dinode) {
        if area
            .find_room(fixture.image.block(blkno), long.len())
            .unwrap()
            .is_none()
        {
            blocks.push(blkno);
        }
    }
    assert!(blocks.len() > 2);
    let trailer = fs.block_size() - 64;
    // Each points to the next, the last to the first, and none has room.
    for (at, &blkno) in blocks.iter().enumerate() {
        let next = blocks[(at + 1) % blocks.len()];
        let block = fixture.image.block_mut(blkno);
        block[trailer + 0x20..][..8].copy_from_slice(&next.to_le_bytes());
    }
    let root = dinode.dx_root.unwrap();
    fixture.image.block_mut(root)[0x40..0x48].copy_from_slice(&blocks[0].to_le_bytes());
    let corrupt = dx_edit::plan(&mut fixture.image, &dinode, &fs, &long).unwrap_err();
    assert_eq!(corrupt.field, "ocfs2_dir_block_trailer.db_free_next");
    assert_eq!(corrupt.blkno, dinode.blkno());
}
