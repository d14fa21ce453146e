// SPDX-License-Identifier: GPL-2.0-only
//! Ordered data: what has to be on the device before a commit.
//!
//! C header: [`include/linux/jbd2.h`](srctree/include/linux/jbd2.h)

use super::{handle::Handle, journal::Journal};
use crate::vfs::fs::{file_system::FileSystem, inode::Inode};
use core::{mem::size_of, ptr};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full},
        Arc,
    },
    types::Opaque,
};

/// What jbd2 needs to know of an inode whose data has to be written before a commit ("ordered
/// data"); C: `struct jbd2_inode`. It is part of the inode's private data.
///
/// # Invariants
///
/// `raw` is on no list of a transaction unless `journal` is set, and then on lists of that journal
/// only. `journal` is null or came from [`Arc::into_raw`].
#[pin_data(PinnedDrop)]
pub(crate) struct JbdInode {
    #[pin]
    raw: Opaque<bindings::jbd2_inode>,
    journal: Atomic<*const Journal>,
}

// SAFETY: jbd2 locks its part, the pointer is atomic and stands for an `Arc` of a `Sync` type.
unsafe impl Send for JbdInode {}
// SAFETY: As above.
unsafe impl Sync for JbdInode {}

impl JbdInode {
    /// One that no transaction knows.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            raw <- Opaque::ffi_init(|slot: *mut bindings::jbd2_inode| {
                // SAFETY: `slot` is memory for the struct. The inode is set when it is needed.
                unsafe { bindings::jbd2_journal_init_jbd_inode(slot, ptr::null_mut()) }
            }),
            journal: Atomic::new(ptr::null()),
        })
    }

    /// Has the commit of `handle`'s transaction wait until bytes `start..start + len` of the page
    /// cache of `inode` are on the device, which it also starts.
    ///
    /// `self` must be a part of `inode.data()`. `EINVAL`: it isn't, or the journal is another than
    /// the first time; `EROFS`: the journal is aborted.
    pub(crate) fn ordered_write<T: FileSystem>(
        &self,
        inode: &Inode<T>,
        handle: &mut Handle,
        start: u64,
        len: u64,
    ) -> Result {
        if len == 0 {
            return Ok(());
        }
        let data: *const T::Inode = &*inode.data();
        let offset = ptr::from_ref(self).addr().wrapping_sub(data.addr());
        let inside = size_of::<T::Inode>()
            .checked_sub(size_of::<Self>())
            .is_some_and(|last| offset <= last);
        if !inside
            || start
                .checked_add(len)
                .is_none_or(|end| end > i64::MAX as u64)
        {
            return Err(EINVAL);
        }
        self.set_journal(&handle.journal)?;
        // SAFETY: All callers store the same pointer: `self` lies within that inode's data.
        unsafe { ptr::write_volatile(&raw mut (*self.raw.get()).i_vfs_inode, inode.as_raw()) };
        // SAFETY: The handle is valid. `self` is pinned, since `new` makes no others, so it stays
        // where it is until it is dropped, which takes it off the list. It is part of the inode's
        // data, so the inode is there until then. INVARIANT: `journal` is the handle's.
        to_result(unsafe {
            bindings::jbd2_journal_inode_ranged_write(
                handle.raw.as_ptr(),
                self.raw.get(),
                start as i64,
                len as i64,
            )
        })
    }

    /// Checks that this inode belongs to `journal`.
    fn set_journal(&self, journal: &Arc<Journal>) -> Result {
        let known = self.journal.load(Acquire);
        if known.is_null() {
            let raw = Arc::into_raw(journal.clone());
            // INVARIANT: It comes from `into_raw`.
            if let Err(other) = self.journal.cmpxchg(ptr::null(), raw, Full) {
                // SAFETY: Nobody else got this pointer.
                drop(unsafe { Arc::from_raw(raw) });
                return if ptr::eq(other, Arc::as_ptr(journal)) {
                    Ok(())
                } else {
                    Err(EINVAL)
                };
            }
            return Ok(());
        }
        if ptr::eq(known, Arc::as_ptr(journal)) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Takes the inode off the transactions; waits for a commit that is writing its data. Sleeps.
    ///
    /// For `->evict_inode`, after the page cache is gone. Dropping does the same.
    pub(crate) fn release(&self) {
        let journal = self.journal.load(Acquire);
        if !journal.is_null() {
            // SAFETY: By the type invariant the pointer stands for a reference of ours, so the
            // journal is valid (it is ended with the last one), and these are its lists.
            unsafe { bindings::jbd2_journal_release_jbd_inode((*journal).raw, self.raw.get()) };
        }
    }
}

#[pinned_drop]
impl PinnedDrop for JbdInode {
    fn drop(self: Pin<&mut Self>) {
        self.release();
        let journal = self.journal.load(Acquire);
        if !journal.is_null() {
            // SAFETY: By the type invariant it came from `into_raw`; it is taken back once, here.
            drop(unsafe { Arc::from_raw(journal) });
        }
    }
}
