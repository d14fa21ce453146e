// SPDX-License-Identifier: GPL-2.0-only
//! What a new inode starts with.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/random.h`](srctree/include/linux/random.h)
//!
//! Not supported: idmapped mounts.

use super::{inode::Inode, super_block::FileSystem};
use kernel::bindings;

/// Owner, group and mode of an inode that this task creates in `dir`, by the rules of
/// `inode_init_owner()`: a directory's set-group-id bit hands its group on.
pub(crate) fn owner_of_new<T: FileSystem>(dir: &Inode<T>) -> (u32, u32) {
    // SAFETY: A task may read its own credentials without further protection.
    let (uid, gid) = unsafe {
        let cred = (*bindings::get_current()).cred;
        ((*cred).fsuid.val, (*cred).fsgid.val)
    };
    if u32::from(dir.mode()) & bindings::S_ISGID != 0 {
        return (uid, dir.attributes().gid);
    }
    (uid, gid)
}

/// The umask of this task.
pub(crate) fn umask() -> u16 {
    // SAFETY: A task of user space has an `fs_struct`, and may read its own.
    unsafe { bindings::current_umask() as u16 }
}

/// A random number, for inode generations.
pub(crate) fn random_u32() -> u32 {
    // SAFETY: May be called from any context.
    unsafe { bindings::get_random_u32() }
}
