// SPDX-License-Identifier: GPL-2.0-only
//! Lock value blocks.
//!
//! C header: [`fs/ocfs2/stackglue.h`](srctree/fs/ocfs2/stackglue.h)
//!
//! Not supported: blocks that are longer than both stacks have.

use super::{
    callbacks::{LockCallbacks, Recovery},
    lksb::{
        state::{CANCEL, CONVERT, HELD},
        Lksb,
    },
    request::LVB_LEN,
    stackglue::Connection,
};
use core::ptr;
use kernel::{bindings, prelude::*};

impl<T: LockCallbacks, R: Recovery> Connection<T, R> {
    /// The lksb of a lock whose value block may be used in one of `states`.
    fn lvb_of<'a>(&self, lock: &'a T, states: &[u32]) -> Result<&'a Lksb> {
        // SAFETY: As in `cancel`.
        let lksb = unsafe { &*T::raw_get_lksb(ptr::from_ref(lock).cast_mut()) };
        if !states.contains(&lksb.state()) {
            return Err(EBUSY);
        }
        self.check_ours(lksb)?;
        Ok(lksb)
    }

    /// Whether the lock value block has a value. (In o2dlm always: one that was lost is zeros.)
    /// Asked by a holder, of a lock that was granted with `valblk`.
    pub(crate) fn lvb_valid(&self, lock: &T) -> bool {
        self.lvb_of(lock, &[HELD, CONVERT, CANCEL])
            // SAFETY: The connection is valid, so there is a stack; the lksb is one that it knows.
            .is_ok_and(|lksb| unsafe { bindings::ocfs2_dlm_lvb_valid(lksb.raw.get()) != 0 })
    }

    /// Copies the lock value block out. For a holder at [`Level::Pr`] or above, after a grant with
    /// `valblk`. `EBUSY`: the lock isn't held.
    ///
    /// When a node dies o2dlm may zero the block at any time, so the copy can be torn: the
    /// value's own version field, last or first, must make zeros and mixtures of them invalid.
    pub(crate) fn read_lvb(&self, lock: &T, to: &mut [u8; LVB_LEN]) -> Result {
        let lksb = self.lvb_of(lock, &[HELD, CONVERT, CANCEL])?;
        // SAFETY: As in `lvb_valid`; the block is a part of the lksb. The copy is made by C, which
        // shares the block and has no lock for it.
        unsafe {
            let lvb = bindings::ocfs2_dlm_lvb(lksb.raw.get());
            bindings::memcpy(to.as_mut_ptr().cast(), lvb, LVB_LEN);
        }
        Ok(())
    }

    /// Sets the lock value block, before a request with `valblk` that converts a lock down from
    /// [`Level::Ex`] or unlocks it. `EBUSY`: the lock isn't held, or a request
    /// is open.
    pub(crate) fn write_lvb(&self, lock: &T, from: &[u8; LVB_LEN]) -> Result {
        let lksb = self.lvb_of(lock, &[HELD])?;
        // SAFETY: As in `read_lvb`.
        unsafe {
            let lvb = bindings::ocfs2_dlm_lvb(lksb.raw.get());
            bindings::memcpy(lvb, from.as_ptr().cast(), LVB_LEN);
        }
        Ok(())
    }
}
