// SPDX-License-Identifier: GPL-2.0-only
//! The file system type: mount, unmount, and what concerns the volume as a whole.

use super::{
    export::Export,
    features::{check_heartbeat, check_stack, warn_read_only},
    options::Options,
    probe::probe,
    slot, slots, statfs, system_files,
};
use crate::{
    cluster::membership::Cluster,
    data::{flock::Flock, map::Map},
    inode::{attr::Attr, evict::evict, iget::iget},
    lockres::Policy,
    meta::{
        guards::{ExHeld, Refreshing},
        inode::{Expect, InodeData, InodeExt},
    },
    namei::dir::Dir,
    ondisk::volume::{superblock, system_inodes::SystemInode},
    vfs::{
        counters::Counters,
        debugfs,
        fs::{
            context::Param,
            folio::NoFolio,
            inode::Evicting,
            super_block::{FileSystem, NewSuperBlock, StatFs},
        },
    },
    volume::Volume,
    xattr::attributes::Attributes,
    Inode, InodeRef, Ocfs2, SuperBlock,
};
use kernel::{
    new_mutex, new_spinlock,
    prelude::*,
    seq_file::SeqFile,
    sync::{Arc, SetOnce},
};

/// A lock that nobody here used for this long goes at once.
const IDLE_NS: u64 = 2_000_000;
/// How long a retry may take until it has its folio again.
const TICKET_NS: u64 = 5_000_000;

impl FileSystem for Ocfs2 {
    const NAME: &'static CStr = c"ocfs2_glue";
    /// `OCFS2_SUPER_MAGIC`
    const MAGIC: u32 = 0x7461636f;
    type Options = Options;
    type Super = Volume;
    type Dir = Dir;
    type Attr = Attr;
    type Export = Export;
    type Flock = Flock;
    type Extents = Map;
    type Xattr = Attributes;
    type Inode = InodeData;
    type Exclusive<'a> = ExHeld<'a>;
    type Refresh<'a> = Refreshing<'a>;

    fn parse_param(options: &mut Options, key: &[u8], value: Option<&[u8]>) -> Param {
        options.parse(key, value)
    }

    fn alloc_inode() -> impl PinInit<InodeData> {
        InodeData::new()
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
        let settings = options.settings();
        check_stack(&found.cluster, &options)?;
        check_heartbeat(&found.cluster, &settings, sb.is_read_only())?;
        sb.set_limits(geo.max_file_size().min(i64::MAX as u64) as i64);
        sb.set_modes_change();
        if settings.acl {
            sb.set_posix_acls();
        }
        let counters = Arc::new(Counters::new(), GFP_KERNEL)?;
        let policy = Policy {
            slice_ns: u64::from(settings.slice_ms) * 1_000_000,
            idle_ns: IDLE_NS,
            ticket_ns: TICKET_NS,
        };
        let dev = sb.device().dev();
        let (cluster, node) = match found.cluster {
            superblock::ClusterInfo::Local => (None, 0),
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
                settings,
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
            let mounted = slot::begin(sb, wait)?;
            *volume.journal.lock() = Some(mounted.journal().clone());
            *volume.mounted.lock() = Some(mounted);
        }
        let rest = (|| {
            let bitmap = system_files::inode(sb, SystemInode::GlobalBitmap, wait)?;
            *volume.bitmap.lock() = Some(bitmap);
            let root = iget(sb, volume.geo.root_blkno, Expect::System, wait)?;
            root.check_directory()?;
            Ok(root)
        })();
        rest.inspect_err(|_| stop(volume, sb, wait))
    }

    fn put_super(sb: &SuperBlock, wait: &NoFolio) {
        stop(crate::volume_of(sb), sb, wait);
    }

    fn after_kill(volume: &Volume, wait: &NoFolio) {
        if let Some(cluster) = &volume.cluster {
            cluster.leave(wait);
        }
    }

    fn evict_inode(inode: &Inode, evicting: &Evicting) {
        evict(inode, evicting);
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
        statfs::statfs(sb, wait)
    }

    fn show_options(sb: &SuperBlock, out: &SeqFile) {
        crate::volume_of(sb).settings.show(out);
    }

    fn reconfigure(sb: &SuperBlock, read_only: bool, options: &Options) -> Result {
        options.check_remount(&crate::volume_of(sb).settings)?;
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

/// Lets go of everything that was started by `fill_super`.
fn stop(volume: &Volume, sb: &SuperBlock, wait: &NoFolio) {
    let bitmap = volume.bitmap.lock().take();
    drop(bitmap);
    let mounted = volume.mounted.lock().take();
    if let Some(mounted) = mounted {
        slot::end(mounted, sb, wait);
    }
}
