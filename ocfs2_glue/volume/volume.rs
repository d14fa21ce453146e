// SPDX-License-Identifier: GPL-2.0-only
//! A mounted volume.

use super::{mounted::Mounted, settings::Settings, unused::Unused};
use crate::{
    cluster::membership::Cluster,
    ondisk::{base::geometry::Geometry, inode::dinode::INLINE_DATA_FL},
    vfs::{counters::Counters, jbd2::Journal},
    InodeRef,
};
use kernel::{
    debugfs::{Dir as DebugDir, File as DebugFile},
    prelude::*,
    sync::{Arc, Mutex, SetOnce, SpinLock},
};

/// `s_fs_info`: what all of a volume's inodes share.
#[pin_data]
pub(crate) struct Volume {
    /// Sizes, limits, features.
    pub(crate) geo: Geometry,
    /// What the mount options have set.
    pub(crate) settings: Settings,
    /// Counters, for debugfs.
    pub(crate) counters: Arc<Counters>,
    /// The file that shows them. It goes with the volume; the counters stay for a lock that the
    /// DLM has lost, and that therefore outlives everything.
    #[pin]
    pub(crate) debug: DebugFile<Arc<Counters>>,
    pub(crate) debug_dir: DebugDir,
    /// `None` for a volume that only one node may mount.
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// Inodes that other nodes may want to delete; `None` on a local volume.
    pub(crate) unused: Option<Arc<Unused>>,
    /// This node's number; 0 on a local volume.
    pub(crate) node: u32,
    pub(crate) fsid: u64,
    /// Where the slot map is.
    pub(crate) slot_map: SetOnce<[u64; MAX_MAP_BLOCKS]>,
    /// While it is mounted read-write.
    #[pin]
    pub(crate) mounted: SpinLock<Option<Arc<Mounted>>>,
    /// Its journal, which downconvert workers may need until there is nothing in it.
    #[pin]
    pub(crate) journal: SpinLock<Option<Arc<Journal>>>,
    /// `global_bitmap`, for statfs.
    #[pin]
    pub(crate) bitmap: Mutex<Option<InodeRef>>,
}

/// 255 slots of 8 bytes in blocks of 512.
pub(crate) const MAX_MAP_BLOCKS: usize = 4;

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
    pub(crate) fn slot_map_blocks(&self) -> Option<&[u64; MAX_MAP_BLOCKS]> {
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
