// SPDX-License-Identifier: GPL-2.0-only
//! Volumes made by mkfs.ocfs2 for the format tests, and what debugfs.ocfs2 says about them.
#![allow(dead_code)]

pub mod files;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::dir::block::Area;
use ocfs2_ondisk_host::ondisk::inode::dinode::{Body, Dinode};
use ocfs2_ondisk_host::ondisk::volume::superblock::{self, Superblock};
use ocfs2_ondisk_host::ondisk::volume::system_inodes::SystemInode;

/// Arguments for mkfs.ocfs2 and the size of the image in MiB: block and cluster sizes, stacks, and
/// sets of features as far apart as mkfs.ocfs2 makes them.
pub const KINDS: [(&str, u64, &str); 6] = [
    ("512-local", 32, "-b 512 -C 4K -N 2 -M local"),
    (
        "1k-o2cb",
        48,
        "-b 1K -C 4K -N 4 --cluster-stack=o2cb --cluster-name=foo",
    ),
    (
        "4k-o2cb",
        64,
        "-b 4K -C 4K -N 4 --cluster-stack=o2cb --cluster-name=foo -L label",
    ),
    (
        "4k-32k-max",
        128,
        "-b 4K -C 32K -N 2 --fs-feature-level=max-features --cluster-stack=o2cb \
         --cluster-name=sixteenletters16",
    ),
    (
        "2k-compat",
        128,
        "-b 2K -C 32K -N 2 --fs-feature-level=max-compat",
    ),
    (
        "512-metaecc",
        32,
        "-b 512 -C 4K -N 3 -M local --fs-features=metaecc",
    ),
];

/// A volume in a file of its own.
pub struct Image {
    _dir: tempfile::TempDir,
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub superblock: Superblock,
    /// Blocks that were read through the trait.
    pub reads: usize,
    /// How often an index grew.
    pub growths: usize,
    /// Blocks that the file doesn't have yet.
    dirty: RefCell<BTreeSet<u64>>,
}

fn run(program: &str, args: &[&str]) -> (bool, String) {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| {
            panic!("{program} can't be run ({error}): these tests need ocfs2-tools")
        });
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

impl Image {
    /// A volume made with these arguments.
    pub fn mkfs(mib: u64, args: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("volume");
        std::fs::File::create(&path)
            .unwrap()
            .set_len(mib << 20)
            .unwrap();
        let mut all = vec!["-F", "-q", "-J", "size=4M"];
        all.extend(args.split_whitespace());
        all.push(path.to_str().unwrap());
        let (good, text) = run("mkfs.ocfs2", &all);
        assert!(good, "mkfs.ocfs2 {args}: {text}");
        let bytes = std::fs::read(&path).unwrap();
        let superblock = superblock::find(&bytes, 512)
            .unwrap()
            .expect("no superblock");
        Self {
            _dir: dir,
            path,
            bytes,
            superblock,
            reads: 0,
            growths: 0,
            dirty: RefCell::default(),
        }
    }

    /// One of [`KINDS`] by name.
    pub fn kind(name: &str) -> Self {
        let (_, mib, args) = KINDS
            .iter()
            .find(|kind| kind.0 == name)
            .expect("no such kind");
        Self::mkfs(*mib, args)
    }

    pub fn fs(&self) -> &Geometry {
        &self.superblock.geometry
    }

    pub fn block(&self, blkno: u64) -> &[u8] {
        let size = self.fs().block_size();
        &self.bytes[blkno as usize * size..][..size]
    }

    pub fn block_mut(&mut self, blkno: u64) -> &mut [u8] {
        let size = self.fs().block_size();
        self.dirty.get_mut().insert(blkno);
        &mut self.bytes[blkno as usize * size..][..size]
    }

    pub fn dinode(&self, blkno: u64) -> Dinode {
        Dinode::decode(self.block(blkno), blkno, self.fs()).unwrap()
    }

    /// Blocks of a file whose extent list in the dinode is a leaf.
    pub fn data_blocks(&self, dinode: &Dinode) -> Vec<u64> {
        assert_eq!(dinode.body, Body::Extents);
        let list = &self.block(dinode.blkno())[0xc0..];
        let u16_at = |off: usize| u16::from_le_bytes([list[off], list[off + 1]]);
        assert_eq!(u16_at(0), 0, "a tree is deeper than these tests go");
        let mut blocks = Vec::new();
        for rec in 0..usize::from(u16_at(4)) {
            let rec = &list[16 + rec * 16..][..16];
            let clusters = u16::from_le_bytes([rec[4], rec[5]]);
            let first = u64::from_le_bytes(rec[8..].try_into().unwrap());
            blocks.extend(first..first + self.fs().clusters_to_blocks(clusters.into()));
        }
        blocks.truncate((dinode.size as usize).div_ceil(self.fs().block_size()));
        blocks
    }

    /// Areas of a directory, each with the block that it is in.
    pub fn areas(&self, dir: &Dinode) -> Vec<(u64, Area)> {
        if matches!(dir.body, Body::Inline { .. }) {
            return vec![(dir.blkno(), Area::inline(dir, self.fs()))];
        }
        let blocks = self.data_blocks(dir);
        let area = |&blkno| {
            (
                blkno,
                Area::block(self.block(blkno), blkno, dir, self.fs()).unwrap(),
            )
        };
        blocks.iter().map(area).collect()
    }

    /// Block that a name in a directory leads to.
    pub fn lookup(&self, dir: &Dinode, name: &[u8]) -> Option<u64> {
        self.areas(dir).iter().find_map(|(blkno, area)| {
            area.find(self.block(*blkno), name)
                .unwrap()
                .map(|entry| entry.inode)
        })
    }

    pub fn system(&self, inode: SystemInode) -> Dinode {
        let dir = self.dinode(self.fs().system_dir_blkno);
        let name = inode.name();
        let blkno = self.lookup(&dir, name.as_bytes());
        self.dinode(blkno.unwrap_or_else(|| panic!("{inode:?} isn't in the system directory")))
    }

    /// Writes what changed back, for the tools to look at.
    pub fn flush(&self) {
        let file = std::fs::File::options()
            .write(true)
            .open(&self.path)
            .unwrap();
        for blkno in std::mem::take(&mut *self.dirty.borrow_mut()) {
            let at = blkno * self.fs().block_size() as u64;
            file.write_all_at(self.block(blkno), at).unwrap();
        }
    }

    /// Takes in what a tool wrote.
    pub fn reload(&mut self) {
        self.bytes = std::fs::read(&self.path).unwrap();
    }

    /// What debugfs.ocfs2 answers.
    pub fn debugfs(&self, request: &str) -> String {
        let path = self.path.to_str().unwrap();
        let (good, text) = run("debugfs.ocfs2", &["-R", request, path]);
        assert!(good, "debugfs.ocfs2 {request}: {text}");
        text
    }

    /// Fails unless fsck.ocfs2 finds nothing to complain of.
    pub fn assert_clean(&self) {
        self.flush();
        let (good, text) = self.fsck("-fn");
        // It exits with 0 all the same when it was told not to mend what it found.
        let complaint = text.lines().any(|line| line.starts_with('['));
        assert!(
            good && text.contains("Pass 4b") && !complaint,
            "fsck.ocfs2: {text}"
        );
    }

    /// tunefs.ocfs2 with these options, on the file as it is.
    pub fn tunefs(&mut self, options: &str) {
        self.flush();
        let mut args: Vec<&str> = options.split_whitespace().collect();
        args.push(self.path.to_str().unwrap());
        let (good, text) = run("tunefs.ocfs2", &args);
        assert!(good, "tunefs.ocfs2 {options}: {text}");
        self.reload();
        self.superblock = superblock::find(&self.bytes, 512)
            .unwrap()
            .expect("no superblock");
    }

    /// fsck.ocfs2 with these options; whether it was content, and what it said.
    pub fn fsck(&self, options: &str) -> (bool, String) {
        let mut args: Vec<&str> = options.split_whitespace().collect();
        args.push(self.path.to_str().unwrap());
        run("fsck.ocfs2", &args)
    }
}

/// `debugfs.ocfs2 -e`, the name of a lock.
pub fn encode_lock(lock_type: &str, blkno: u64, third: u64) -> String {
    let (good, text) = run(
        "debugfs.ocfs2",
        &["-e", lock_type, &blkno.to_string(), &third.to_string()],
    );
    assert!(good, "debugfs.ocfs2 -e: {text}");
    text.trim_end_matches('\n').to_owned()
}

/// The value after `label` in an answer of debugfs.ocfs2, up to white space.
pub fn value<'a>(text: &'a str, label: &str) -> &'a str {
    let at = text
        .find(label)
        .unwrap_or_else(|| panic!("no {label:?} in {text}"));
    text[at + label.len()..]
        .split_whitespace()
        .next()
        .unwrap_or("")
}

/// As [`value`], a number.
pub fn number<T: std::str::FromStr>(text: &str, label: &str) -> T {
    let value = value(text, label);
    value
        .parse()
        .unwrap_or_else(|_| panic!("{label:?} isn't a number: {value:?}"))
}
