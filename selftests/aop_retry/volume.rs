// SPDX-License-Identifier: GPL-2.0-only
//! A mount: the names in its one directory, and the file system type.
//!
//! Inodes come and go as the VFS likes; what has to stay is in [`Volume`]. Inode 1 is the
//! directory, the others follow in the order in which they were made. Nothing is removed.

use crate::{
    content::{Content, MAX_BYTES},
    ops::{self, OneNode, Ops},
    trigger::Triggers,
    vfs::{
        debugfs,
        fs::{
            context::Param,
            folio::NoFolio,
            inode::{Attributes, Evicting, Iget},
            super_block::{FileSystem, NewSuperBlock, StatFs},
            time,
        },
    },
    AopRetry, Inode, InodeRef, SuperBlock,
};
use kernel::{
    debugfs::{Dir as DebugDir, File as DebugFile},
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex, SetOnce,
    },
};

pub(crate) const ROOT: u64 = 1;
const S_IFDIR: u16 = 0o040000;
pub(crate) const S_IFREG: u16 = 0o100000;
pub(crate) const S_IFLNK: u16 = 0o120000;
pub(crate) const S_IFMT: u16 = 0o170000;

/// Mounts so far; names the directory in debugfs.
static MOUNTS: Atomic<u64> = Atomic::new(0);

/// Mount options.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) no_readahead: bool,
    pub(crate) large: bool,
}

/// What a file is while no inode stands for it.
#[pin_data]
pub(crate) struct Node {
    #[pin]
    attributes: Mutex<Attributes>,
    #[pin]
    pub(crate) content: Content,
}

struct Name {
    /// Empty if the file could not be completed.
    bytes: KVec<u8>,
    node: Arc<Node>,
}

/// `s_fs_info`
#[pin_data]
pub(crate) struct Volume {
    #[pin]
    pub(crate) triggers: DebugFile<Triggers>,
    dir: DebugDir,
    pub(crate) options: Options,
    #[pin]
    names: Mutex<KVec<Name>>,
}

/// Index of a file in [`Volume::names`].
fn index(ino: u64) -> Option<usize> {
    usize::try_from(ino).ok()?.checked_sub(ROOT as usize + 1)
}

impl Volume {
    /// Inode number of `name`.
    pub(crate) fn find(&self, name: &[u8]) -> Option<u64> {
        let names = self.names.lock();
        let found = names.iter().position(|n| *n.bytes == *name)?;
        Some(found as u64 + ROOT + 1)
    }

    /// Calls `f` with a copy of each name from the `skip`th file on, with its inode number and
    /// mode, for as long as it returns `true`.
    pub(crate) fn list(&self, skip: usize, mut f: impl FnMut(&[u8], u64, u16) -> bool) -> Result {
        for i in skip.. {
            let (copy, mode) = {
                let names = self.names.lock();
                let Some(name) = names.get(i) else { break };
                let mut copy = KVec::new();
                copy.extend_from_slice(&name.bytes, GFP_KERNEL)?;
                let mode = name.node.attributes.lock().mode;
                (copy, mode)
            };
            if !f(&copy, i as u64 + ROOT + 1, mode) {
                break;
            }
        }
        Ok(())
    }

    /// Adds a file without content. The directory's lock keeps others from adding the same.
    pub(crate) fn add(&self, name: &[u8], mode: u16) -> Result<u64> {
        let mut bytes = KVec::with_capacity(name.len(), GFP_KERNEL)?;
        bytes.extend_from_slice(name, GFP_KERNEL)?;
        let now = time::now();
        let attributes = Attributes {
            mode,
            nlink: 1,
            atime: now,
            mtime: now,
            ctime: now,
            ..Attributes::default()
        };
        let node = Arc::pin_init(
            pin_init!(Node {
                attributes <- new_mutex!(attributes, "aop_retry_attributes"),
                content <- Content::new(),
            }),
            GFP_KERNEL,
        )?;
        let mut names = self.names.lock();
        names.push(Name { bytes, node }, GFP_KERNEL)?;
        Ok(names.len() as u64 + ROOT)
    }

    /// Takes the name away from a file again that could not be completed.
    pub(crate) fn give_up(&self, ino: u64) {
        let mut names = self.names.lock();
        if let Some(name) = index(ino).and_then(|i| names.get_mut(i)) {
            name.bytes = KVec::new();
        }
    }
}

/// The inode with this number.
pub(crate) fn iget(sb: &SuperBlock, ino: u64, wait: &NoFolio) -> Result<InodeRef> {
    let new = match sb.iget(ino, wait)? {
        Iget::Cached(inode) => return Ok(inode),
        Iget::New(new) => new,
    };
    let volume = sb.data();
    if ino == ROOT {
        let a = Attributes {
            mode: S_IFDIR | 0o755,
            nlink: 2,
            ..Attributes::default()
        };
        return Ok(new.finish(&a, 0, 0, &ops::tables(a.mode, volume.options)));
    }
    let node = {
        let names = volume.names.lock();
        let found = index(ino).and_then(|i| names.get(i));
        found.map(|n| n.node.clone()).ok_or(ENOENT)?
    };
    let a = *node.attributes.lock();
    new.inode().data().get_ref().node.populate(node);
    if volume.options.large && a.mode & S_IFMT == S_IFREG {
        new.inode().allow_large_folios();
    }
    Ok(new.finish(&a, 0, 0, &ops::tables(a.mode, volume.options)))
}

/// Our part of an inode.
pub(crate) struct InodeData {
    /// Not for the directory.
    node: SetOnce<Arc<Node>>,
}

impl Inode {
    pub(crate) fn volume(&self) -> &Volume {
        self.sb().data()
    }

    pub(crate) fn node(&self) -> Result<&Node> {
        let node = self.data().get_ref().node.as_ref();
        node.map(|n| &**n).ok_or(EISDIR)
    }
}

impl FileSystem for AopRetry {
    const NAME: &'static CStr = c"aop_retry";
    const ON_DEVICE: bool = false;
    /// Nobody's: "AOPR".
    const MAGIC: u32 = 0x414f5052;
    type Options = Options;
    type Super = Volume;
    type Dir = Ops;
    type Attr = Ops;
    type Export = ();
    type Flock = ();
    type Extents = ();
    type Xattr = ();
    type Inode = InodeData;
    type Exclusive<'a> = OneNode<'a>;
    type Refresh<'a> = OneNode<'a>;

    fn alloc_inode() -> impl PinInit<InodeData> {
        InodeData {
            node: SetOnce::new(),
        }
    }

    fn parse_param(options: &mut Options, key: &[u8], value: Option<&[u8]>) -> Param {
        match (key, value) {
            (b"noreadahead", None) => options.no_readahead = true,
            (b"large", None) => options.large = true,
            (b"noreadahead" | b"large", Some(_)) => return Param::BadValue,
            _ => return Param::Unknown,
        }
        Param::Taken
    }

    fn new_super(
        sb: &mut NewSuperBlock<'_, Self>,
        options: Options,
        _wait: &NoFolio,
    ) -> Result<Arc<Volume>> {
        sb.set_limits(MAX_BYTES);
        let number = MOUNTS.fetch_add(1, Relaxed);
        let dir = debugfs::volume_dir(&CString::try_from_fmt(fmt!("{number}"))?)?;
        let volume = Arc::pin_init(
            pin_init!(Volume {
                triggers <- Triggers::file(&dir),
                dir: dir.clone(),
                options,
                names <- new_mutex!(KVec::new(), "aop_retry_names"),
            }),
            GFP_KERNEL,
        );
        volume
    }

    fn fill_super(sb: &SuperBlock, wait: &NoFolio) -> Result<InodeRef> {
        iget(sb, ROOT, wait)
    }

    fn put_super(_sb: &SuperBlock, _wait: &NoFolio) {}

    fn after_kill(_volume: &Volume, _wait: &NoFolio) {}

    fn evict_inode(inode: &Inode, _evicting: &Evicting) {
        if let Ok(node) = inode.node() {
            *node.attributes.lock() = inode.attributes();
        }
    }

    fn sync_fs(_sb: &SuperBlock, _wait: bool) -> Result {
        Ok(())
    }

    fn statfs(sb: &SuperBlock, _wait: &NoFolio) -> Result<StatFs> {
        Ok(StatFs {
            block_size: kernel::page::PAGE_SIZE as u32,
            files: sb.data().names.lock().len() as u64,
            name_len: 255,
            ..StatFs::default()
        })
    }

    fn reconfigure(_sb: &SuperBlock, _read_only: bool, _options: &Options) -> Result {
        Ok(())
    }
}
