// SPDX-License-Identifier: GPL-2.0-only
//! Operations on open files.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h)
//!
//! Not supported: direct I/O (`open` refuses `O_DIRECT`, as there is no `->direct_IO`), private data of a `struct file`, shared writable mappings.

use super::{extents, flock, folio::NoFolio, inode::Inode, super_block::FileSystem};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    bindings,
    error::{from_result, to_result},
    prelude::*,
};

/// `IOCB_NOWAIT`, which is `RWF_NOWAIT` of `srctree/include/uapi/linux/fs.h`.
pub(in crate::vfs) const IOCB_NOWAIT: i32 = 0x8;
/// `FMODE_NOWAIT` of `srctree/include/linux/fs.h`.
const FMODE_NOWAIT: bindings::fmode_t = 1 << 27;
/// `FOP_BUFFER_RASYNC` and `FOP_BUFFER_WASYNC` of the same header: io_uring may try `IOCB_NOWAIT`
/// before it lets a thread wait.
const FOP_BUFFER_ASYNC: bindings::fop_flags_t = 0b11;
/// `IOCB_DSYNC`, which is `RWF_DSYNC` of the same header.
const IOCB_DSYNC: i32 = 0x2;
/// `IOCB_SYNC`, which is `RWF_SYNC` of the same header.
const IOCB_SYNC: i32 = 0x4;

/// `SB_SYNCHRONOUS` of `srctree/include/linux/fs/super_types.h`.
const SB_SYNCHRONOUS: usize = 1 << 4;

/// C: `struct file_operations` of a regular file, for file system `T`.
pub(crate) trait Operations<T: FileSystem> {
    /// Whether files take reads and writes that must not block (`FMODE_NOWAIT`); else these are
    /// refused with `EOPNOTSUPP` before they get here.
    const NOWAIT: bool = false;

    /// `->read_iter`.
    fn read_iter(inode: &Inode<T>, io: Io<'_, T>, wait: &NoFolio) -> Result<usize>;

    /// `->write_iter`.
    fn write_iter(inode: &Inode<T>, io: Io<'_, T>, wait: NoFolio) -> Result<usize>;

    /// Runs before `->splice_read` enters the page cache; also before a page fault does, where the
    /// mm's or the area's lock is held if it may not wait, and sometimes if it may.
    /// May wait for the cluster if `may_wait`; else it gives `EAGAIN`.
    fn before_read(inode: &Inode<T>, may_wait: bool, wait: &NoFolio) -> Result;

    /// Runs after `->splice_read`, or a page fault, has left the page cache: folio operations that
    /// it caused won't be called again. Waits for nothing. Left out where a fault that failed has
    /// let go of the file: then it comes again, or its task is being killed.
    fn after_read(_inode: &Inode<T>) {}

    /// `->fsync`, after dirty folios of the range were written back.
    fn fsync(inode: &Inode<T>, data_only: bool, wait: &NoFolio) -> Result;
}

/// One read or write: C's `struct kiocb` and `struct iov_iter`.
pub(crate) struct Io<'a, T: FileSystem> {
    iocb: NonNull<bindings::kiocb>,
    pub(in crate::vfs) iter: NonNull<bindings::iov_iter>,
    _inode: PhantomData<&'a Inode<T>>,
}

impl<T: FileSystem> Io<'_, T> {
    fn flags(&self) -> i32 {
        // SAFETY: The kiocb is valid during the operation.
        unsafe { self.iocb.as_ref() }.ki_flags
    }

    /// Whether the caller asked not to be blocked.
    pub(crate) fn nowait(&self) -> bool {
        self.flags() & IOCB_NOWAIT != 0
    }

    /// Position in the file, in bytes.
    pub(crate) fn pos(&self) -> i64 {
        // SAFETY: The kiocb is valid during the operation.
        unsafe { self.iocb.as_ref() }.ki_pos
    }

    /// Reads through the page cache.
    pub(crate) fn read(&mut self) -> Result<usize> {
        // SAFETY: Both are the VFS's own, valid during the operation.
        count(unsafe { bindings::generic_file_read_iter(self.iocb.as_ptr(), self.iter.as_ptr()) })
    }

    /// Checks limits and seals, and sets the position of an appending write from the size that
    /// the inode has now. 0 means that there is nothing to write. The inode lock is held.
    pub(crate) fn write_checks(&mut self) -> Result<usize> {
        // SAFETY: As above.
        count(unsafe { bindings::generic_write_checks(self.iocb.as_ptr(), self.iter.as_ptr()) })
    }

    /// Takes privileges such as set-user-id away; may call `->setattr`. The inode lock is held.
    pub(crate) fn remove_privs(&mut self) -> Result {
        // SAFETY: A kiocb has a file.
        to_result(unsafe { bindings::file_remove_privs(self.iocb.as_ref().ki_filp) })
    }

    /// Writes through the page cache. The inode lock is held.
    pub(crate) fn write(&mut self) -> Result<usize> {
        // SAFETY: As above.
        count(unsafe { bindings::generic_perform_write(self.iocb.as_ptr(), self.iter.as_ptr()) })
    }

    /// What `O_SYNC` and `O_DSYNC` ask for, or the inode's own flag or the mount's
    /// (`iocb_is_dsync()`), after `done` bytes were written and without the inode lock.
    /// `Some(data_only)` if the range has to be synced.
    pub(crate) fn sync_wanted(&self) -> Option<bool> {
        let flags = self.flags();
        // SAFETY: A kiocb has a file, which has an inode, and that a superblock; both words may be
        // read at any time.
        let always = unsafe {
            let inode = bindings::file_inode(self.iocb.as_ref().ki_filp);
            (*inode).i_flags & bindings::S_SYNC != 0
                || (*(*inode).i_sb).s_flags & SB_SYNCHRONOUS != 0
        };
        (always || flags & IOCB_DSYNC != 0).then_some(flags & IOCB_SYNC == 0)
    }

    /// Writes back and syncs `done` bytes that end at the present position, by `->fsync`.
    pub(crate) fn sync(&self, done: usize, data_only: bool) -> Result {
        let end = self.pos();
        // SAFETY: A kiocb has a file; the range was just written.
        to_result(unsafe {
            bindings::vfs_fsync_range(
                self.iocb.as_ref().ki_filp,
                end - done as i64,
                end - 1,
                data_only.into(),
            )
        })
    }
}

fn count(ret: isize) -> Result<usize> {
    usize::try_from(ret).map_err(|_| Error::from_errno(ret as c_int))
}

/// C callbacks for [`Operations`].
pub(in crate::vfs) struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    /// The table for regular files.
    pub(in crate::vfs) const TABLE: bindings::file_operations = bindings::file_operations {
        llseek: Some(extents::Callbacks::<T>::llseek),
        read_iter: Some(Self::read_iter),
        write_iter: Some(Self::write_iter),
        mmap_prepare: Some(Self::mmap_prepare),
        open: Some(Self::open),
        release: Some(flock::Callbacks::<T>::release),
        flock: Some(flock::Callbacks::<T>::flock),
        fsync: Some(Self::fsync),
        splice_read: Some(Self::splice_read),
        splice_write: Some(bindings::iter_file_splice_write),
        fop_flags: if O::NOWAIT { FOP_BUFFER_ASYNC } else { 0 },
        // SAFETY: All-zero is a valid table: every member is optional.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    const VM_OPERATIONS: bindings::vm_operations_struct = bindings::vm_operations_struct {
        fault: Some(Self::fault),
        // No `map_pages`: it maps folios without asking the file system, whose lock may be gone.
        // SAFETY: All-zero is a valid table: every member is optional.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The arguments are the VFS's own.
        let ret = unsafe { bindings::generic_file_open(inode, file) };
        if ret == 0 && O::NOWAIT {
            // SAFETY: Nobody else has the file before `->open` has returned.
            unsafe { (*file).f_mode |= FMODE_NOWAIT };
        }
        ret
    }

    unsafe extern "C" fn read_iter(
        iocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The VFS passes valid pointers and holds no folio lock.
        unsafe { with_io(iocb, iter, |inode, io, wait| O::read_iter(inode, io, &wait)) }
    }

    unsafe extern "C" fn write_iter(
        iocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The VFS passes valid pointers and holds no folio lock.
        unsafe { with_io(iocb, iter, O::write_iter) }
    }

    unsafe extern "C" fn splice_read(
        file: *mut bindings::file,
        ppos: *mut bindings::loff_t,
        pipe: *mut bindings::pipe_inode_info,
        len: usize,
        flags: c_uint,
    ) -> isize {
        // SAFETY: The VFS passes an open file and holds no folio lock.
        let (inode, wait) = unsafe { (file_inode::<T>(file), NoFolio::at_entry()) };
        if let Err(e) = O::before_read(inode, true, &wait) {
            return e.to_errno() as isize;
        }
        // SAFETY: The arguments are the VFS's own.
        let done = unsafe { bindings::filemap_splice_read(file, ppos, pipe, len, flags) };
        O::after_read(inode);
        done
    }

    unsafe extern "C" fn fsync(
        file: *mut bindings::file,
        start: bindings::loff_t,
        end: bindings::loff_t,
        datasync: c_int,
    ) -> c_int {
        // SAFETY: The VFS passes an open file and holds no folio lock.
        let (inode, wait) = unsafe { (file_inode::<T>(file), NoFolio::at_entry()) };
        from_result(|| {
            // SAFETY: As above; errors of earlier writeback are reported once to each file.
            to_result(unsafe { bindings::file_write_and_wait_range(file, start, end) })?;
            O::fsync(inode, datasync != 0, &wait).map(|()| 0)
        })
    }

    unsafe extern "C" fn mmap_prepare(desc: *mut bindings::vm_area_desc) -> c_int {
        // SAFETY: The VFS passes a valid description, which nobody else has yet. A shared mapping
        // that isn't to be written may not become so: mprotect() is refused then. What is to be
        // written from the start is refused by the last call.
        let ret = unsafe {
            if bindings::is_shared_maywrite(&raw const (*desc).vma_flags)
                && !bindings::vma_desc_test(desc, bindings::VMA_WRITE_BIT as c_int)
            {
                let may_write = bindings::vma_flags_t {
                    __vma_flags: [bindings::VM_MAYWRITE],
                };
                bindings::vma_desc_clear_flags_mask(desc, may_write);
            }
            bindings::generic_file_readonly_mmap_prepare(desc)
        };
        if ret == 0 {
            // SAFETY: As above; the table lives as long as the module, which the file pins.
            unsafe { (*desc).vm_ops = &Self::VM_OPERATIONS };
        }
        ret
    }

    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        use bindings::{
            fault_flag_FAULT_FLAG_ALLOW_RETRY as ALLOW_RETRY,
            fault_flag_FAULT_FLAG_RETRY_NOWAIT as RETRY_NOWAIT,
            fault_flag_FAULT_FLAG_TRIED as TRIED, vm_fault_reason_VM_FAULT_RETRY as RETRY,
        };
        // SAFETY: The fault is valid, its area maps a file, and no folio is locked yet.
        let (file, flags, wait) = unsafe {
            let file = (*(*vmf).__bindgen_anon_1.vma).vm_file;
            (file, (*vmf).flags, NoFolio::at_entry())
        };
        // SAFETY: The area keeps its file.
        let inode = unsafe { file_inode::<T>(file) };
        match O::before_read(inode, false, &wait) {
            Ok(()) => {}
            Err(EAGAIN) if flags & RETRY_NOWAIT != 0 => return RETRY,
            Err(EAGAIN) if flags & (ALLOW_RETRY | TRIED) == ALLOW_RETRY => {
                // SAFETY: The file is open. The reference keeps it when the area isn't kept.
                let file = unsafe { bindings::get_file(file) };
                // SAFETY: The caller of a first try that may be repeated copes with that, if it is
                // told so; neither fault nor area is used after it.
                unsafe { release_fault_lock(vmf) };
                // If it fails for good, so does the next try.
                let _ = O::before_read(inode, true, &wait);
                // SAFETY: The reference was taken above.
                unsafe { bindings::fput(file) };
                return RETRY;
            }
            Err(EAGAIN) => {
                if let Err(e) = O::before_read(inode, true, &wait) {
                    return fault_error(e);
                }
            }
            Err(e) => return fault_error(e),
        }
        // SAFETY: As above.
        let ret = unsafe { bindings::filemap_fault(vmf) };
        // On `VM_FAULT_RETRY` the lock that kept the area was dropped, and area, file and inode
        // may be gone; else it is still held.
        if ret & bindings::vm_fault_reason_VM_FAULT_RETRY == 0 {
            O::after_read(inode);
        }
        ret
    }
}

/// As `vmf_error()`.
fn fault_error(e: Error) -> bindings::vm_fault_t {
    match e {
        ENOMEM => bindings::vm_fault_reason_VM_FAULT_OOM,
        EHWPOISON => bindings::vm_fault_reason_VM_FAULT_HWPOISON,
        _ => bindings::vm_fault_reason_VM_FAULT_SIGBUS,
    }
}

/// Gives up the lock that keeps the area: the mm's or the area's own. A wait with it held would
/// stop all of the process.
///
/// # Safety
///
/// The fault is valid and may be repeated (`FAULT_FLAG_ALLOW_RETRY`); the caller returns
/// `VM_FAULT_RETRY`.
unsafe fn release_fault_lock(vmf: *mut bindings::vm_fault) {
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

/// The inode of an open file.
///
/// # Safety
///
/// `file` is open, on a file system of type `T`, for `'a`.
pub(in crate::vfs) unsafe fn file_inode<'a, T: FileSystem>(
    file: *mut bindings::file,
) -> &'a Inode<T> {
    // SAFETY: By the contract; an open file holds its inode.
    unsafe { Inode::from_raw(bindings::file_inode(file)) }
}

/// # Safety
///
/// Both pointers are valid during the call, belong to a file of `T`, and no folio is locked.
unsafe fn with_io<T: FileSystem>(
    iocb: *mut bindings::kiocb,
    iter: *mut bindings::iov_iter,
    f: impl FnOnce(&Inode<T>, Io<'_, T>, NoFolio) -> Result<usize>,
) -> isize {
    // SAFETY: By the contract.
    let (inode, wait) = unsafe { (file_inode::<T>((*iocb).ki_filp), NoFolio::at_entry()) };
    // SAFETY: Valid pointers aren't null.
    let io = unsafe {
        Io {
            iocb: NonNull::new_unchecked(iocb),
            iter: NonNull::new_unchecked(iter),
            _inode: PhantomData,
        }
    };
    match f(inode, io, wait) {
        Ok(n) => n as isize,
        Err(e) => e.to_errno() as isize,
    }
}
