// SPDX-License-Identifier: GPL-2.0-only
//! The module's directory in debugfs.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)
//!
//! Not supported: more than one such directory.

use kernel::{
    debugfs::Dir,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        global_lock,
    },
};

global_lock! {
    // SAFETY: Initialised by the one `Root` there ever is, before anybody can mount.
    unsafe(uninit) static ROOT: Mutex<Option<Dir>> = None;
}

static CREATED: Atomic<i32> = Atomic::new(0);

/// Keeps the directory; dropping it removes it.
pub(crate) struct Root(());

impl Root {
    /// Makes the directory. For module initialisation: once.
    ///
    /// # Errors
    ///
    /// `EBUSY` the second time.
    pub(crate) fn create(name: &'static CStr) -> Result<Self> {
        if CREATED.xchg(1, Full) != 0 {
            return Err(EBUSY);
        }
        // SAFETY: The exchange above lets one caller through.
        unsafe { ROOT.init() };
        *ROOT.lock() = Some(Dir::new(name));
        Ok(Self(()))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let dir = ROOT.lock().take();
        drop(dir);
    }
}

/// The directory of one volume.
pub(crate) fn volume_dir(id: &CStr) -> Result<Dir> {
    ROOT.lock()
        .as_ref()
        .map(|root| root.subdir(id))
        .ok_or(ENODEV)
}
