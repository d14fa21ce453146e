// SPDX-License-Identifier: GPL-2.0-only
//! Memory mappings of files, and faults in them.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)
//!
//! Not supported: shared writable mappings, huge faults. There is no `->map_pages`: it maps folios
//! without a call to the file system, which may have lost its lock.

use super::{file_system::FileSystem, folio::NoFolio, inode::Inode};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{bindings, error::to_result, prelude::*};

/// C: `struct vm_operations_struct`, for areas that map files of `T`.
#[vtable]
pub(crate) trait Operations<T: FileSystem> {
    /// `->fault`. The lock of the mm or of the area is held.
    fn fault(fault: Fault<'_, T>, wait: NoFolio) -> Done;
}

/// An area that is about to be made; C: `struct vm_area_desc`.
pub(crate) struct Area<'a, T: FileSystem> {
    pub(in crate::vfs) raw: NonNull<bindings::vm_area_desc>,
    pub(in crate::vfs) _inode: PhantomData<&'a Inode<T>>,
}

impl<T: FileSystem> Area<'_, T> {
    /// Makes it an area of the page cache, whose faults go to `O`. A shared area that isn't to be
    /// written may not become so: mprotect() is refused then. `EINVAL`: it is shared, and to be
    /// written from the start.
    pub(crate) fn map_read_only<O: Operations<T>>(&mut self) -> Result {
        let raw = self.raw.as_ptr();
        // SAFETY: The description is valid, of a file of `T`, and nobody else has it yet.
        to_result(unsafe {
            if bindings::is_shared_maywrite(&raw const (*raw).vma_flags)
                && !bindings::vma_desc_test(raw, bindings::VMA_WRITE_BIT as c_int)
            {
                let may_write = bindings::vma_flags_t {
                    __vma_flags: [bindings::VM_MAYWRITE],
                };
                bindings::vma_desc_clear_flags_mask(raw, may_write);
            }
            bindings::generic_file_readonly_mmap_prepare(raw)
        })?;
        // SAFETY: As above; the table lives as long as the module, which the file pins.
        unsafe { (*raw).vm_ops = &Callbacks::<T, O>::TABLE };
        Ok(())
    }
}

/// What a fault ended with; C: `vm_fault_t`.
#[must_use]
pub(crate) struct Done(bindings::vm_fault_t);

impl Done {
    const RETRY: Self = Self(bindings::vm_fault_reason_VM_FAULT_RETRY);

    fn failed(e: Error) -> Self {
        // SAFETY: Takes a number.
        Self(unsafe { bindings::vmf_error(e.to_errno()) })
    }
}

/// A page fault; C: `struct vm_fault`.
pub(crate) struct Fault<'a, T: FileSystem> {
    raw: NonNull<bindings::vm_fault>,
    _inode: PhantomData<&'a Inode<T>>,
}

impl<T: FileSystem> Fault<'_, T> {
    /// Maps a folio of the page cache (`filemap_fault`), after `before`, which makes the inode
    /// ready for it. `before(inode, false)` doesn't wait: `EAGAIN` if it had to. Then it is called
    /// again, with `true`, where a fault may wait, without the mm's lock if that may be dropped.
    ///
    /// `after` runs last: the folio operations of this fault are over. It is left out if the fault
    /// has dropped the lock that keeps the file, and is to be repeated, or its task killed.
    pub(crate) fn map(
        self,
        wait: NoFolio,
        before: impl Fn(&Inode<T>, bool, &NoFolio) -> Result,
        after: impl FnOnce(&Inode<T>),
    ) -> Done {
        let raw = self.raw.as_ptr();
        // SAFETY: The fault is valid, and its area maps a file.
        let (file, flags) = unsafe { ((*(*raw).__bindgen_anon_1.vma).vm_file, (*raw).flags) };
        // SAFETY: The area keeps its file.
        let inode = unsafe { Inode::<T>::of_file(file) };
        match before(inode, false, &wait) {
            Ok(()) => {}
            Err(EAGAIN) if flags & bindings::fault_flag_FAULT_FLAG_RETRY_NOWAIT != 0 => {
                return Done::RETRY;
            }
            // SAFETY: Takes flags.
            Err(EAGAIN) if unsafe { bindings::fault_flag_allow_retry_first(flags) } => {
                // SAFETY: The file is open. The reference keeps it when the area isn't kept.
                let file = unsafe { bindings::get_file(file) };
                // SAFETY: The caller of a first try that may be repeated copes with that, if it is
                // told so; neither fault nor area is used after it.
                unsafe { release_lock(raw) };
                // If it fails for good, so does the next try.
                let _ = before(inode, true, &wait);
                // SAFETY: The reference was taken above.
                unsafe { bindings::fput(file) };
                return Done::RETRY;
            }
            Err(EAGAIN) => {
                if let Err(e) = before(inode, true, &wait) {
                    return Done::failed(e);
                }
            }
            Err(e) => return Done::failed(e),
        }
        // SAFETY: As above.
        let ret = unsafe { bindings::filemap_fault(raw) };
        // On `VM_FAULT_RETRY` the lock that kept the area was dropped, and area, file and inode
        // may be gone; else it is still held.
        if ret & bindings::vm_fault_reason_VM_FAULT_RETRY == 0 {
            after(inode);
        }
        Done(ret)
    }
}

/// Gives up the lock that keeps the area: the mm's or the area's own. A wait with it held would
/// stop all of the process.
///
/// # Safety
///
/// The fault is valid and may be repeated (`FAULT_FLAG_ALLOW_RETRY`); the caller returns
/// `VM_FAULT_RETRY`.
unsafe fn release_lock(vmf: *mut bindings::vm_fault) {
    // SAFETY: By the contract the fault is valid, and holds one of the two.
    unsafe {
        let vma = (*vmf).__bindgen_anon_1.vma;
        if (*vmf).flags & bindings::fault_flag_FAULT_FLAG_VMA_LOCK != 0 {
            bindings::vma_end_read(vma);
        } else {
            bindings::mmap_read_unlock((*vma).vm_mm);
        }
    }
}

/// C callbacks for [`Operations`].
struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    const TABLE: bindings::vm_operations_struct = bindings::vm_operations_struct {
        fault: Some(Self::fault),
        // SAFETY: All-zero is a valid table: every member is optional.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: The fault is valid during the call, and its area maps a file of `T`: `Area` has
        // set this table. No folio is locked yet.
        let (raw, wait) = unsafe { (NonNull::new_unchecked(vmf), NoFolio::at_entry()) };
        let fault = Fault {
            raw,
            _inode: PhantomData,
        };
        O::fault(fault, wait).0
    }
}
