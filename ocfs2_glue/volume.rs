// SPDX-License-Identifier: GPL-2.0-only
//! A mounted volume, and the file system type.

use crate::{
    cluster::Cluster,
    dir::Dir,
    inode::{iget, Expect, InodeData},
    lockres::{Mode, Policy},
    mount::Mounted,
    ondisk::{
        dinode::{Id1, INLINE_DATA_FL},
        features::Features,
        geometry::{Geometry, MAX_BLOCK_BITS, MIN_BLOCK_BITS, SUPER_BLOCK_BLKNO},
        superblock::{self, Rejected, Superblock},
        system_inodes::SystemInode,
    },
    slots,
    store::Block,
    vfs::{
        counters::Counters,
        debugfs,
        folio::NoFolio,
        fs_context::{number, Param},
        inode::Evicting,
        jbd2::Journal,
        super_block::{FileSystem, NewSuperBlock, StatFs},
    },
    Inode, InodeRef, Ocfs2, SuperBlock,
};
use kernel::{
    debugfs::{Dir as DebugDir, File as DebugFile},
    new_mutex, new_spinlock,
    prelude::*,
    sync::{Arc, Mutex, SetOnce, SpinLock},
};

/// `s_fs_info`: what all of a volume's inodes share.
#[pin_data]
pub(crate) struct Volume {
    /// Sizes, limits, features.
    pub(crate) geo: Geometry,
    /// Counters, for debugfs.
    pub(crate) counters: Arc<Counters>,
    /// The file that shows them. It goes with the volume; the counters stay for a lock that the
    /// DLM has lost, and that therefore outlives everything.
    #[pin]
    debug: DebugFile<Arc<Counters>>,
    debug_dir: DebugDir,
    /// `None` for a volume that only one node may mount.
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// This node's number; 0 on a local volume.
    pub(crate) node: u32,
    fsid: u64,
    /// Where the slot map is.
    slot_map: SetOnce<[u64; slots::MAX_MAP_BLOCKS]>,
    /// While it is mounted read-write.
    #[pin]
    mounted: SpinLock<Option<Arc<Mounted>>>,
    /// Its journal, which downconvert workers may need until there is nothing in it.
    #[pin]
    journal: SpinLock<Option<Arc<Journal>>>,
    /// `global_bitmap`, for statfs.
    #[pin]
    bitmap: Mutex<Option<InodeRef>>,
}

/// Mount options.
pub(crate) struct Options {
    /// How long a lock is kept although another node asks, in milliseconds.
    slice_ms: u32,
    /// Whoever mounts says that this node's heartbeat was started (`heartbeat=local`, `=global`).
    heartbeat: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slice_ms: 10,
            heartbeat: false,
        }
    }
}

/// A lock that nobody here used for this long goes at once.
const IDLE_NS: u64 = 2_000_000;
/// How long a retry may take until it has its folio again.
const TICKET_NS: u64 = 5_000_000;

impl Volume {
    /// The journal; `EROFS` if there is none.
    ///
    /// For downconvert workers as well, none of which must be the one who drops the last
    /// [`Mounted`]: that evicts inodes, and so waits for workers.
    pub(crate) fn journal(&self) -> Result<Arc<Journal>> {
        self.journal.lock().clone().ok_or(EROFS)
    }

    /// From now on there is none, and nobody but the caller has one any more.
    pub(crate) fn forget_journal(&self) {
        let journal = self.journal.lock().take();
        drop(journal);
        if let Some(cluster) = &self.cluster {
            // The workers that had got it are through with it then.
            cluster.queue.flush();
        }
    }

    /// What is needed to write; `EROFS` for a read-only mount.
    pub(crate) fn mounted(&self) -> Result<Arc<Mounted>> {
        self.mounted.lock().clone().ok_or(EROFS)
    }

    /// Blocks of the slot map, once they are known.
    pub(crate) fn slot_map_blocks(&self) -> Option<&[u64; slots::MAX_MAP_BLOCKS]> {
        self.slot_map.as_ref()
    }

    /// `i_blocks` of an inode. One whose data is in the dinode has as much as its size.
    pub(crate) fn blocks_of(&self, clusters: u32, dyn_features: u16, size: u64) -> u64 {
        let inline = dyn_features & INLINE_DATA_FL != 0;
        self.sectors(clusters) + if inline { size.div_ceil(512) } else { 0 }
    }

    /// Clusters in units of 512 bytes, as `i_blocks` counts.
    pub(crate) fn sectors(&self, clusters: u32) -> u64 {
        u64::from(clusters) << (self.geo.cluster_bits() - 9)
    }
}

impl FileSystem for Ocfs2 {
    const NAME: &'static CStr = c"ocfs2_glue";
    /// `OCFS2_SUPER_MAGIC`
    const MAGIC: u32 = 0x7461636f;
    type Options = Options;
    type Super = Volume;
    type Dir = Dir;
    type Inode = InodeData;

    fn alloc_inode() -> impl PinInit<InodeData> {
        InodeData::new()
    }

    fn parse_param(options: &mut Options, key: &[u8], value: Option<&[u8]>) -> Param {
        match (key, value) {
            (b"heartbeat", Some(b"local" | b"global")) => options.heartbeat = true,
            (b"heartbeat", Some(b"none")) => options.heartbeat = false,
            // The superblock's is the one that counts.
            (b"cluster_stack", Some(_)) => {}
            (b"data", Some(b"ordered")) | (b"errors", Some(b"remount-ro")) => {}
            (b"slice_ms", Some(v)) => match number(v, 10_000) {
                Some(ms) => options.slice_ms = ms,
                None => return Param::BadValue,
            },
            (b"heartbeat" | b"data" | b"errors" | b"slice_ms", _) => return Param::BadValue,
            _ => return Param::Unknown,
        }
        Param::Taken
    }

    fn new_super(
        sb: &mut NewSuperBlock<'_, Self>,
        options: Options,
        _wait: &NoFolio,
    ) -> Result<Arc<Volume>> {
        let found = probe(sb)?;
        let geo = found.geometry;
        let support = geo.features.support();
        if !support.can_write() && !sb.is_read_only() {
            warn_read_only(&support.unwritable, &support.missing);
            sb.set_read_only();
        }
        // A write is cut at pages, and each piece has to lie in one cluster; see `write.rs`.
        if geo.cluster_bits() < kernel::page::PAGE_SHIFT as u32 && !sb.is_read_only() {
            pr_warn!(
                "can't write volumes whose clusters are smaller than a page: mounting read-only\n"
            );
            sb.set_read_only();
        }
        check_heartbeat(&found.cluster, &options, sb.is_read_only())?;
        sb.set_limits(geo.max_file_size().min(i64::MAX as u64) as i64);
        sb.set_modes_change();
        let counters = Arc::new(Counters::new(), GFP_KERNEL)?;
        let policy = Policy {
            slice_ns: u64::from(options.slice_ms) * 1_000_000,
            idle_ns: IDLE_NS,
            ticket_ns: TICKET_NS,
        };
        let dev = sb.device().dev();
        let (cluster, node) = match found.cluster {
            superblock::Cluster::Local => (None, 0),
            named => {
                let uuid = found.uuid_string();
                let (stack, name) = (named.stack(), named.name());
                let cluster = Cluster::join(stack, name, &uuid, policy, counters.clone(), dev)
                    .inspect_err(|e| {
                        pr_err!("can't join the cluster: error {}\n", e.to_errno());
                    })?;
                let node = cluster.connection()?.this_node()?;
                (Some(cluster), node)
            }
        };
        let fsid = u64::from_le_bytes(*found.uuid.first_chunk().unwrap_or(&[0; 8]));
        let dir = debugfs::volume_dir(sb.device().id())?;
        let volume = Arc::pin_init(
            pin_init!(Volume {
                geo,
                debug <- Counters::file(counters.clone(), &dir),
                debug_dir: dir.clone(),
                counters,
                cluster,
                node,
                fsid,
                slot_map: SetOnce::new(),
                mounted <- new_spinlock!(None),
                journal <- new_spinlock!(None),
                bitmap <- new_mutex!(None),
            }),
            GFP_KERNEL,
        );
        volume
    }

    fn fill_super(sb: &SuperBlock, wait: &NoFolio) -> Result<InodeRef> {
        let volume = crate::volume_of(sb);
        volume.slot_map.populate(slots::map_blocks(sb, wait)?);
        if sb.is_read_only() {
            slots::check_read_only(sb, wait)?;
        } else {
            let mounted = Mounted::begin(sb, wait)?;
            *volume.journal.lock() = Some(mounted.journal().clone());
            *volume.mounted.lock() = Some(mounted);
        }
        let rest = (|| {
            let bitmap = slots::system_inode(sb, SystemInode::GlobalBitmap, wait)?;
            *volume.bitmap.lock() = Some(bitmap);
            let root = iget(sb, volume.geo.root_blkno, Expect::System, wait)?;
            root.check_directory()?;
            Ok(root)
        })();
        rest.inspect_err(|_| volume.stop(sb, wait))
    }

    fn put_super(sb: &SuperBlock, wait: &NoFolio) {
        crate::volume_of(sb).stop(sb, wait);
    }

    fn after_kill(volume: &Volume, wait: &NoFolio) {
        if let Some(cluster) = &volume.cluster {
            cluster.leave(wait);
        }
    }

    fn evict_inode(inode: &Inode, evicting: &Evicting) {
        crate::inode::evict(inode, evicting);
    }

    fn sync_fs(sb: &SuperBlock, wait: bool) -> Result {
        let journal = match crate::volume_of(sb).journal() {
            Ok(journal) if wait => journal,
            // The call that waits comes after this one.
            _ => return Ok(()),
        };
        journal.force_commit()?;
        // To an aborted journal there is nothing to commit.
        if journal.is_aborted() {
            return Err(EIO);
        }
        // Nor if it was committed already; but that was before the VFS wrote the data back.
        sb.flush_device()
    }

    fn statfs(sb: &SuperBlock, wait: &NoFolio) -> Result<StatFs> {
        let volume = crate::volume_of(sb);
        let geo = &volume.geo;
        let bitmap = volume.bitmap.lock().clone().ok_or(EIO)?;
        let _held = bitmap.lock_cluster(Mode::Pr, wait)?;
        let mut meta = bitmap.meta();
        let (_, root) = meta.read(&bitmap)?;
        // The allocator changes the block alone.
        root.reload(geo)?;
        let Id1::Bitmap { used, total } = root.dinode.id1 else {
            return Err(EUCLEAN);
        };
        let free = total.saturating_sub(used);
        Ok(StatFs {
            block_size: geo.block_size() as u32,
            blocks: geo.clusters_to_blocks(total),
            free: geo.clusters_to_blocks(free),
            files: total.into(),
            files_free: free.into(),
            fsid: volume.fsid,
            name_len: crate::ondisk::dirent::MAX_NAME_LEN as u32,
        })
    }

    fn reconfigure(sb: &SuperBlock, read_only: bool, _options: &Options) -> Result {
        if sb.is_read_only() && !read_only && crate::volume_of(sb).mounted().is_err() {
            pr_err!("mounted without a slot; unmount and mount again to write\n");
            return Err(EROFS);
        }
        match crate::volume_of(sb).journal() {
            // An aborted journal is the best of reasons to write no more.
            Ok(journal) if read_only && !journal.is_aborted() => Self::sync_fs(sb, true),
            _ => Ok(()),
        }
    }
}

impl Volume {
    /// Lets go of everything that was started by `fill_super`.
    fn stop(&self, sb: &SuperBlock, wait: &NoFolio) {
        let bitmap = self.bitmap.lock().take();
        drop(bitmap);
        let mounted = self.mounted.lock().take();
        if let Some(mounted) = mounted {
            Mounted::end(mounted, sb, wait);
        }
    }
}

/// As the in-tree driver has it: a node that writes must be seen to live, and there is nobody to
/// see it on a local volume.
fn check_heartbeat(cluster: &superblock::Cluster, options: &Options, read_only: bool) -> Result {
    let local = matches!(cluster, superblock::Cluster::Local);
    if local && options.heartbeat {
        pr_err!("a local volume has no heartbeat\n");
        return Err(EINVAL);
    }
    if cluster.is_o2cb() && !options.heartbeat && !read_only {
        pr_err!("a volume of o2cb is mounted with heartbeat=local or heartbeat=global\n");
        return Err(EINVAL);
    }
    Ok(())
}

fn warn_read_only(unwritable: &Features, missing: &Features) {
    if !unwritable.is_empty() {
        pr_warn!(
            "can't write volumes with {}: mounting read-only\n",
            unwritable
        );
    }
    if !missing.is_empty() {
        pr_warn!(
            "can't write volumes without {}: mounting read-only\n",
            missing
        );
    }
}

/// Finds the superblock, whose block size isn't known before.
fn probe(sb: &mut NewSuperBlock<'_, Ocfs2>) -> Result<Superblock> {
    for bits in MIN_BLOCK_BITS..=MAX_BLOCK_BITS {
        if sb.set_blocksize(1 << bits).is_err() {
            // Smaller than the device's sectors.
            continue;
        }
        let Ok(block) = Block::read_fresh(sb.device(), SUPER_BLOCK_BLKNO, 1 << bits) else {
            break;
        };
        match superblock::probe(block.bytes()) {
            Ok(Some(found)) => {
                let bytes = found.geometry.blocks() << bits;
                if bytes > sb.device().bytes() {
                    pr_err!("the volume is larger than its device\n");
                    return Err(EINVAL);
                }
                return Ok(found);
            }
            Ok(None) => {}
            Err(Rejected::Corrupt(c)) => return Err(c.into()),
            Err(Rejected::Revision(major, minor)) => {
                pr_err!("unknown revision {major}.{minor} of the format\n");
                return Err(EINVAL);
            }
            Err(Rejected::Unsupported(features)) => {
                pr_err!("unsupported features: {}\n", features);
                return Err(EINVAL);
            }
        }
    }
    pr_err!("{}: no OCFS2 volume\n", sb.device().id());
    Err(EINVAL)
}
