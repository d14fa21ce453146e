// SPDX-License-Identifier: GPL-2.0-only
//! Stores of metadata blocks for the tests of trees and allocators.
//!
//! As in the kernel, a block is a reference to what is cached once for all: two handles of the
//! same block see each other's changes.
#![allow(dead_code)]

pub mod check;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ocfs2_ondisk_host::ondisk::base::bytes::{BlockBytes, BlockMut};
use ocfs2_ondisk_host::ondisk::base::error::Corrupt;
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::base::store::{
    Blocks, Checked, ExtentBlockSource, Journaled, Suballoc,
};
use ocfs2_ondisk_host::ondisk::volume::superblock;

/// What the test stores end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The format's rules are broken.
    Corrupt(Corrupt),
    /// The device failed, because the test said so.
    Device,
}

impl From<Corrupt> for Error {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl Error {
    /// The field that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Corrupt(corrupt) => corrupt.field,
            Self::Device => "device",
        }
    }
}

/// Blocks in memory, above an image file or nothing.
pub struct Store {
    block_size: usize,
    blocks: u64,
    cache: HashMap<u64, Vec<u8>>,
    file: Option<File>,
    /// Blocks that may differ from the file.
    unsynced: BTreeSet<u64>,
    /// Blocks that were updated since the test last cleared this.
    pub dirty: BTreeSet<u64>,
    /// What blocks were found to be; not of those that a test has had its hands on.
    checked: RefCell<HashMap<u64, u8>>,
    /// Calls of `read`.
    pub reads: usize,
    /// `read` fails once it was called this often.
    pub fail_at_read: Option<usize>,
}

impl Store {
    /// Zeroed blocks in memory.
    pub fn in_memory(block_size: usize, blocks: u64) -> Self {
        Self {
            block_size,
            blocks,
            cache: HashMap::new(),
            file: None,
            unsynced: BTreeSet::new(),
            dirty: BTreeSet::new(),
            checked: RefCell::default(),
            reads: 0,
            fail_at_read: None,
        }
    }

    fn load(&mut self, blkno: u64) -> &mut Vec<u8> {
        let (size, file) = (self.block_size, &self.file);
        self.cache.entry(blkno).or_insert_with(|| {
            let mut block = vec![0; size];
            if let Some(file) = file {
                file.read_exact_at(&mut block, blkno * size as u64)
                    .expect("read image");
            }
            block
        })
    }

    /// The bytes of a block, for a test to look at or to spoil.
    pub fn raw(&mut self, blkno: u64) -> &mut Vec<u8> {
        self.unsynced.insert(blkno);
        self.checked.borrow_mut().remove(&blkno);
        self.load(blkno)
    }

    /// All that was read or written, to tell whether something changed.
    pub fn snapshot(&self) -> HashMap<u64, Vec<u8>> {
        self.cache.clone()
    }

    /// Goes back to a snapshot.
    pub fn restore(&mut self, snapshot: &HashMap<u64, Vec<u8>>) {
        self.cache = snapshot.clone();
        self.checked.borrow_mut().clear();
    }
}

impl Blocks for Store {
    type Error = Error;
    type Block = u64;

    fn block_size(&self) -> usize {
        self.block_size
    }

    fn blocks(&self) -> u64 {
        self.blocks
    }

    fn read(&mut self, blkno: u64) -> Result<u64, Error> {
        assert!(blkno < self.blocks, "block {blkno} is past the volume");
        self.reads += 1;
        if self.fail_at_read.is_some_and(|n| self.reads > n) {
            return Err(Error::Device);
        }
        self.load(blkno);
        Ok(blkno)
    }

    fn bytes<'a>(&'a self, block: &'a u64) -> &'a [u8] {
        &self.cache[block]
    }

    fn is_checked(&self, block: &u64, what: Checked) -> bool {
        self.checked
            .borrow()
            .get(block)
            .is_some_and(|known| known & what as u8 != 0)
    }

    fn set_checked(&self, block: &u64, what: Checked) {
        *self.checked.borrow_mut().entry(*block).or_default() |= what as u8;
    }
}

impl Journaled for Store {
    fn create(&mut self, blkno: u64) -> Result<u64, Error> {
        self.unsynced.insert(blkno);
        self.cache.insert(blkno, vec![0; self.block_size]);
        self.checked.borrow_mut().remove(&blkno);
        Ok(blkno)
    }

    fn update<R>(
        &mut self,
        block: &mut u64,
        change: impl FnOnce(&mut BlockMut<'_>) -> R,
    ) -> Result<R, Error> {
        self.dirty.insert(*block);
        self.unsynced.insert(*block);
        let bytes = self.cache.get_mut(block).expect("block was read");
        let mut logged = bytes.clone();
        let mut edit = BlockMut::new(bytes);
        let result = change(&mut edit);
        for &(begin, end) in edit.changed() {
            logged[begin..end].copy_from_slice(&edit.bytes()[begin..end]);
        }
        assert!(
            logged == edit.bytes(),
            "block {block} changed where the journal wasn't told"
        );
        Ok(result)
    }
}

/// An image file made by mkfs.ocfs2, and the tools that judge it.
pub struct Image {
    dir: tempfile::TempDir,
    /// What the superblock says.
    pub geo: Geometry,
    /// The image's blocks.
    pub store: Store,
    complaints: BTreeSet<String>,
}

impl Image {
    fn path_in(dir: &Path) -> PathBuf {
        dir.join("image")
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        Self::path_in(self.dir.path())
    }

    /// Makes a volume; `None`, with a word about it, where the tools aren't installed.
    pub fn make(bytes: u64, block: &str, cluster: &str, more: &[&str]) -> Option<Self> {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = Self::path_in(dir.path());
        File::create(&path)
            .and_then(|f| f.set_len(bytes))
            .expect("image file");
        let mut mkfs = Command::new("mkfs.ocfs2");
        mkfs.args([
            "-F", "-q", "-b", block, "-C", cluster, "-N", "2", "-J", "size=4M",
        ]);
        let Ok(out) = mkfs.args(["-M", "local"]).args(more).arg(&path).output() else {
            eprintln!("SKIP: mkfs.ocfs2 is not installed");
            return None;
        };
        assert!(
            out.status.success(),
            "mkfs.ocfs2: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .expect("open image");
        let mut start = vec![0; 64 << 10];
        file.read_exact_at(&mut start, 0).expect("read superblock");
        let found = superblock::find(&start, 512)
            .ok()
            .flatten()
            .expect("superblock");
        let geo = found.geometry;
        let mut store = Store::in_memory(geo.block_size(), geo.blocks());
        store.file = Some(file);
        let mut image = Self {
            dir,
            geo,
            store,
            complaints: BTreeSet::new(),
        };
        // A fresh volume can have a complaint of its own (a system directory without index).
        image.complaints = image.run_fsck();
        Some(image)
    }

    /// Writes everything that was updated to the file.
    pub fn sync(&mut self) {
        let file = self.store.file.as_ref().expect("image file");
        for blkno in &self.store.unsynced {
            let block = &self.store.cache[blkno];
            file.write_all_at(block, blkno * self.store.block_size as u64)
                .expect("write image");
        }
        self.store.unsynced.clear();
    }

    fn run_fsck(&self) -> BTreeSet<String> {
        let out = Command::new("fsck.ocfs2")
            .arg("-fn")
            .arg(self.path())
            .output()
            .expect("fsck");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(text.contains("Pass 4b"), "fsck.ocfs2 gave up:\n{text}");
        text.lines()
            .filter(|l| l.starts_with('['))
            .map(str::to_owned)
            .collect()
    }

    /// Fails if fsck.ocfs2 finds fault with anything that it didn't find on the fresh volume.
    pub fn check(&mut self) {
        self.sync();
        let new: Vec<_> = self
            .run_fsck()
            .difference(&self.complaints)
            .cloned()
            .collect();
        assert!(
            new.is_empty(),
            "fsck.ocfs2: {} complaints: {:#?}",
            new.len(),
            &new[..new.len().min(8)]
        );
    }

    /// What debugfs.ocfs2 prints for a request.
    pub fn debugfs(&mut self, request: &str) -> String {
        self.sync();
        let mut debugfs = Command::new("debugfs.ocfs2");
        let out = debugfs
            .args(["-R", request])
            .arg(self.path())
            .output()
            .expect("debugfs.ocfs2");
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Block of the dinode with this name in the system directory.
    pub fn system_inode(&mut self, name: &str) -> u64 {
        let text = self.debugfs("ls -l //");
        let line = text
            .lines()
            .find(|l| l.ends_with(&format!(" {name}")))
            .expect("system file");
        line.split_whitespace()
            .next()
            .and_then(|n| n.parse().ok())
            .expect("block number")
    }
}

/// Gives blocks from a list.
pub struct ListSource {
    /// Blocks not given yet, the next one last.
    pub free: Vec<u64>,
    /// Blocks given.
    pub given: usize,
}

impl ExtentBlockSource<Store> for ListSource {
    fn claim(&mut self, _store: &mut Store) -> Result<Suballoc, Error> {
        let blkno = self
            .free
            .pop()
            .expect("more extent blocks than were asked for");
        self.given += 1;
        Ok(Suballoc {
            blkno,
            slot: 0,
            bit: (blkno % 2048) as u16,
            loc: 0,
        })
    }
}
