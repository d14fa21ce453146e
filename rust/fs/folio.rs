// SPDX-License-Identifier: GPL-2.0-only
//! Folios that the VFS hands over, and when a task may wait for a cluster lock.
//!
//! C header: [`include/linux/pagemap.h`](srctree/include/linux/pagemap.h)
//!
//! # The rule that these types carry
//!
//! A task that holds a folio lock must not wait for a distributed lock manager: the downconvert
//! worker needs that folio. So:
//!
//! - an operation gets its [`LockedFolio`] *by value*;
//! - everything that can wait for the cluster takes a [`NoFolio`], and the only way from the one
//!   to the other is [`LockedFolio::unlock`];
//! - a [`Retry`], which becomes `AOP_TRUNCATED_PAGE`, is made from that [`NoFolio`] and from the
//!   proof that a blocking acquire succeeded afterwards: a value of the one type that the file
//!   system's operations name for it.
//!
//! Not supported: folio references that outlive the callback (the VFS owns the reference).

use core::{marker::PhantomData, mem::ManuallyDrop, ptr::NonNull};
use kernel::{bindings, prelude::*, types::NotThreadSafe};

/// Says that this task holds no lock of a folio of this file system, and so may wait for the
/// cluster.
///
/// The file systems that are stacked on this one, overlayfs, ecryptfs or one on a loop device, may
/// have locked folios of theirs in this task. That doesn't matter: the worker that has to give a
/// lock up needs the folios of its own superblock, and no others.
///
/// # Invariants
///
/// While the value exists, the task that it belongs to holds no lock of a folio of the superblock
/// that the operation, for which it was made, was called for.
pub(crate) struct NoFolio {
    _task: NotThreadSafe,
}

impl NoFolio {
    /// For an entry point that the VFS calls with no folio of the superblock locked.
    ///
    /// # Safety
    ///
    /// This task holds no lock of a folio of the superblock, and gets none before the value is gone
    /// except through [`NoFolio::lock_with`].
    pub(in crate::vfs) unsafe fn at_entry() -> Self {
        // INVARIANT: By the contract of this function.
        Self {
            _task: NotThreadSafe,
        }
    }

    /// Gives the token up for a folio that comes back locked from `get`.
    ///
    /// # Safety
    ///
    /// The pointer that `get` returns is a valid folio, locked by this task, whose reference and
    /// lock the caller of this function takes over, and which stays in its mapping while locked.
    pub(in crate::vfs) unsafe fn lock_with(
        self,
        get: impl FnOnce() -> Result<NonNull<bindings::folio>>,
    ) -> Result<LockedFolio, (NoFolio, Error)> {
        match get() {
            Ok(folio) => Ok(LockedFolio {
                folio,
                _task: NotThreadSafe,
            }),
            Err(e) => Err((self, e)),
        }
    }
}

/// A folio that this task holds the lock of.
///
/// Dropping it unlocks it. What is in it is changed through shared borrows, which stay with this
/// task: an exclusive one would allow to put another folio in its place (`mem::swap`), and lock,
/// reference and batch belong to this one.
///
/// # Invariants
///
/// `folio` is valid, referenced by the caller of the operation, locked by this task, and attached
/// to the mapping that the operation was called for.
pub(crate) struct LockedFolio {
    folio: NonNull<bindings::folio>,
    _task: NotThreadSafe,
}

impl LockedFolio {
    /// Takes over the folio that the VFS passed to an operation.
    ///
    /// # Safety
    ///
    /// `folio` is valid and locked, the operation has to unlock it (or hand it to I/O that does),
    /// and the caller keeps its reference until the operation has returned.
    pub(in crate::vfs) unsafe fn from_raw(folio: *mut bindings::folio) -> Self {
        // INVARIANT: By the contract of this function.
        // SAFETY: A valid folio isn't null.
        let folio = unsafe { NonNull::new_unchecked(folio) };
        Self {
            folio,
            _task: NotThreadSafe,
        }
    }

    /// The C folio.
    pub(in crate::vfs) fn as_raw(&self) -> *mut bindings::folio {
        self.folio.as_ptr()
    }

    /// Passes the duty to unlock on to C code, which gets the pointer.
    pub(in crate::vfs) fn into_raw(self) -> *mut bindings::folio {
        ManuallyDrop::new(self).folio.as_ptr()
    }

    /// Unlocks the folio. From here on the caller may wait for the cluster.
    pub(crate) fn unlock(self) -> NoFolio {
        drop(self);
        // INVARIANT: Only `->read_folio` gets a folio by value (`->readahead` is lent them), and
        // filemap_read_folio(), which calls it, has one folio locked: this one. read_pages() calls
        // it with others of the batch locked, but only where there is no `->readahead`. Patch 15
        // ends that for all but khugepaged; so a table with `->read_folio` alone is for file
        // systems that wait for nothing.
        NoFolio {
            _task: NotThreadSafe,
        }
    }

    /// Byte offset in the file of the folio's first byte.
    pub(crate) fn pos(&self) -> i64 {
        // SAFETY: By the type invariant the folio is valid and locked, so its index is stable.
        unsafe { bindings::folio_pos(self.as_raw()) }
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> usize {
        // SAFETY: By the type invariant the folio is valid.
        unsafe { bindings::folio_size(self.as_raw()) }
    }

    /// How much of the `len` bytes at `pos` of the file, which begin in the folio, is in it.
    /// `None`: they begin elsewhere.
    pub(in crate::vfs) fn part_of(&self, pos: i64, len: usize) -> Option<usize> {
        let offset = usize::try_from(pos.checked_sub(self.pos())?).ok()?;
        let room = self.size().checked_sub(offset).filter(|room| *room > 0)?;
        Some(len.min(room))
    }

    /// Whether the folio is in this mapping.
    pub(in crate::vfs) fn is_of(&self, mapping: NonNull<bindings::address_space>) -> bool {
        // SAFETY: By the type invariant the folio is locked, so it stays in its mapping.
        let ours = unsafe { (*self.as_raw()).__bindgen_anon_1.__bindgen_anon_1.mapping };
        core::ptr::eq(ours, mapping.as_ptr())
    }

    /// Whether the content may be read.
    pub(crate) fn is_uptodate(&self) -> bool {
        // SAFETY: By the type invariant the folio is valid.
        unsafe { bindings::folio_test_uptodate(self.as_raw()) }
    }

    /// Fills the folio with `bytes` followed by zeros, and marks it up to date.
    ///
    /// What doesn't fit is left out.
    pub(crate) fn fill(&self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(self.size())];
        let rest = self.size() - bytes.len();
        // SAFETY: The folio is valid and locked, `bytes.len() <= size`.
        unsafe { bindings::memcpy_to_folio(self.as_raw(), 0, bytes.as_ptr().cast(), bytes.len()) };
        if rest > 0 {
            // SAFETY: As above; `bytes.len() + rest == size`.
            unsafe { bindings::folio_zero_range(self.as_raw(), bytes.len(), rest) };
        }
        // SAFETY: The folio is locked and all of it was written just now.
        unsafe { bindings::folio_mark_uptodate(self.as_raw()) };
    }

    /// Copies bytes from `offset` in the folio; what lies past its end isn't copied.
    pub(crate) fn copy_to(&self, offset: usize, out: &mut [u8]) {
        let len = out.len().min(self.size().saturating_sub(offset));
        if len > 0 {
            // SAFETY: The folio is valid, `offset + len <= size`, and `out` holds `len` bytes.
            unsafe {
                bindings::memcpy_from_folio(out.as_mut_ptr().cast(), self.as_raw(), offset, len)
            };
        }
    }

    /// Zeroes `len` bytes from `offset`, cut at the folio's end.
    pub(crate) fn zero(&self, offset: usize, len: usize) {
        let len = len.min(self.size().saturating_sub(offset));
        if len > 0 {
            // SAFETY: The folio is valid and locked and `offset + len <= size`.
            unsafe { bindings::folio_zero_range(self.as_raw(), offset, len) };
        }
    }
}

impl Drop for LockedFolio {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this task holds the lock of a valid folio.
        unsafe { bindings::folio_unlock(self.as_raw()) };
    }
}

/// The operation unlocked its folio, waited, and wants to be called again. `W` is what a wait that
/// succeeded leaves behind.
#[must_use]
pub(crate) struct Retry<W> {
    _made: PhantomData<W>,
}

impl<W> Retry<W> {
    /// From a folio that was unlocked and a wait that succeeded after that.
    pub(crate) fn after(_unlocked: NoFolio, _waited: W) -> Self {
        Self { _made: PhantomData }
    }
}

/// A locked folio that `->write_begin` got from the page cache, with a reference of its own.
///
/// Dropping it unlocks the folio and gives the reference back.
///
/// # Invariants
///
/// Besides the lock, this owns one reference to the folio.
pub(crate) struct WriteFolio {
    folio: ManuallyDrop<LockedFolio>,
}

impl WriteFolio {
    /// Looks the folio at `pos` up or adds it, and locks it. Allocates; may wait for the folio
    /// lock, never for the cluster.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `EAGAIN` for a write that must not block; the token comes back with it.
    pub(in crate::vfs) fn get(
        iocb: *const bindings::kiocb,
        mapping: NonNull<bindings::address_space>,
        pos: i64,
        len: usize,
        wait: NoFolio,
    ) -> Result<Self, (NoFolio, Error)> {
        let index = (pos as u64) >> kernel::page::PAGE_SHIFT;
        // SAFETY: `write_begin_get_folio` returns a referenced, locked folio that is in the
        // mapping, or an error; lock and reference become ours.
        let locked = unsafe {
            wait.lock_with(|| {
                // SAFETY: `iocb` is NULL or valid during the write, the mapping belongs to the
                // inode that is written, which the caller keeps alive.
                let folio =
                    bindings::write_begin_get_folio(iocb, mapping.as_ptr(), index as usize, len);
                NonNull::new(kernel::error::from_err_ptr(folio)?).ok_or(ENOMEM)
            })
        }?;
        // INVARIANT: The reference that came with the folio.
        Ok(Self {
            folio: ManuallyDrop::new(locked),
        })
    }

    /// Takes over the folio that the VFS passes to `->write_end`.
    ///
    /// # Safety
    ///
    /// `folio` is locked by this task, and the lock and one reference are handed over.
    pub(in crate::vfs) unsafe fn from_raw(folio: *mut bindings::folio) -> Self {
        // INVARIANT: By the contract of this function.
        // SAFETY: As that contract says; the reference lives as long as this value.
        Self {
            folio: ManuallyDrop::new(unsafe { LockedFolio::from_raw(folio) }),
        }
    }

    /// Passes lock and reference on to C code.
    pub(in crate::vfs) fn into_raw(self) -> *mut bindings::folio {
        ManuallyDrop::new(self).folio.as_raw()
    }

    /// Unlocks and gives back.
    pub(crate) fn release(self) -> NoFolio {
        drop(self);
        // INVARIANT: A write holds one folio at most, since getting one consumes the `NoFolio`, and
        // that one was just unlocked. Its caller has none.
        NoFolio {
            _task: NotThreadSafe,
        }
    }
}

impl core::ops::Deref for WriteFolio {
    type Target = LockedFolio;

    fn deref(&self) -> &LockedFolio {
        &self.folio
    }
}

impl Drop for WriteFolio {
    fn drop(&mut self) {
        let raw = self.folio.as_raw();
        // SAFETY: The folio isn't used again: this is the only place that drops it.
        unsafe { ManuallyDrop::drop(&mut self.folio) };
        // SAFETY: By the type invariant one reference is ours.
        unsafe { bindings::folio_put(raw) };
    }
}
