// SPDX-License-Identifier: GPL-2.0-only
//! File system types.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! [`super::registration`] registers one.
//!
//! Not supported: mounting in user namespaces, idmapped mounts, more than one device.

use super::folio::NoFolio;
use kernel::{build_error, error::VTABLE_DEFAULT_ERROR, prelude::*};

/// C: `struct file_system_type`.
#[vtable]
pub(crate) trait FileSystem: Sized + Send + Sync + 'static {
    /// Name for `mount -t`, and of the slab cache for its inodes.
    const NAME: &'static CStr;
    /// Whether it lives on a block device (`FS_REQUIRES_DEV`). Without one, functions that need
    /// it don't compile.
    const ON_DEVICE: bool = true;
    /// `s_magic`, as statfs(2) shows it.
    const MAGIC: u32;
    /// What a mounted volume is; `s_fs_info`.
    type Super: Send + Sync + 'static;
    /// What each inode has besides the VFS's part; allocated with it.
    type Inode: Send + Sync + 'static;

    /// `->kill_sb`, when nothing of the superblock is left; also where the mount failed half way.
    fn kill_sb(_data: &Self::Super, _wait: &NoFolio) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}
