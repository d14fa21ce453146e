// SPDX-License-Identifier: GPL-2.0-only
//! Requests to a distributed lock manager: levels, flags, limits.
//!
//! C header: [`fs/ocfs2/stackglue.h`](srctree/fs/ocfs2/stackglue.h)
//!
//! Not supported: the modes that OCFS2 doesn't use, `DLM_LKF_LOCAL`.

use kernel::bindings;

/// Bytes in a lock value block.
pub(crate) const LVB_LEN: usize = bindings::DLM_LVB_LEN as usize;

/// The longest lock name; C: `DLM_LOCKID_NAME_MAX` of o2dlm, the lesser of the two stacks' limits.
pub(in crate::vfs) const NAME_MAX: usize = 32;

/// Lock modes that OCFS2 uses; C: `DLM_LOCK_*`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(i32)]
pub(crate) enum Level {
    /// Null: keeps the place, excludes nobody.
    Nl = bindings::DLM_LOCK_NL as i32,
    /// Protected read: shared.
    Pr = bindings::DLM_LOCK_PR as i32,
    /// Exclusive.
    Ex = bindings::DLM_LOCK_EX as i32,
}

/// How to ask for a lock.
#[derive(Clone, Copy, Default)]
pub(crate) struct LockFlags {
    /// Change the level of a lock that is held; else it is a new one.
    pub(crate) convert: bool,
    /// Fail with `EAGAIN`, by return value (o2dlm) or by ast (fs/dlm), rather than queue.
    pub(crate) noqueue: bool,
    /// Grant a new lock at [`Level::Nl`] at once, before other waiters. fs/dlm lets it queue behind
    /// conversions otherwise, and refuses the flag (`EINVAL`) for any other request; o2dlm grants
    /// such a lock at once anyway, and `stack_o2cb.c` drops the flag.
    pub(crate) expedite: bool,
    /// Transfer the lock value block: from [`Level::Ex`] downwards it is published, so it is to be
    /// written first; otherwise a grant brings it. fs/dlm wants it always for a lock that has one.
    pub(crate) valblk: bool,
}

impl LockFlags {
    pub(in crate::vfs) fn bits(self) -> u32 {
        let bit = |on, bit| if on { bit } else { 0 };
        bit(self.convert, bindings::DLM_LKF_CONVERT)
            | bit(self.noqueue, bindings::DLM_LKF_NOQUEUE)
            | bit(self.expedite, bindings::DLM_LKF_EXPEDITE)
            | bit(self.valblk, bindings::DLM_LKF_VALBLK)
    }
}
