// SPDX-License-Identifier: GPL-2.0-only
//! Operations on open files and directories.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! Not supported: private data of a `struct file`, and what [`Operations`] has no method for. The
//! VFS does what it does for a C file system whose table has no such member. `open` refuses
//! `O_DIRECT`, as there is no `->direct_IO`.

use super::{
    dir::Emitter,
    extents::Seek,
    fault::Area,
    file_system::FileSystem,
    folio::NoFolio,
    inode::Inode,
    io::{Io, Splice},
};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    bindings, build_error,
    error::{from_result, to_result, VTABLE_DEFAULT_ERROR},
    prelude::*,
};

/// C: `struct file_operations`, for one kind of files of file system `T`.
#[vtable]
pub(crate) trait Operations<T: FileSystem> {
    /// Whether files take reads and writes that must not block (`FMODE_NOWAIT`); else the VFS
    /// refuses them with `EOPNOTSUPP`.
    const NOWAIT: bool = false;

    /// `->llseek`. Without it the VFS goes by the size in memory.
    fn llseek(_inode: &Inode<T>, _seek: Seek<'_, T>, _wait: &NoFolio) -> Result<i64> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->read_iter`.
    fn read_iter(_inode: &Inode<T>, _io: Io<'_, T>, _wait: &NoFolio) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->write_iter`.
    fn write_iter(_inode: &Inode<T>, _io: Io<'_, T>, _wait: NoFolio) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->iterate_shared`: emits entries from the present position on. The directory is locked
    /// shared.
    fn iterate_shared(_dir: &Inode<T>, _out: &mut Emitter<'_>, _wait: &NoFolio) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->mmap_prepare`. The lock of the mm may be held: nothing here waits for the cluster.
    fn mmap_prepare(_inode: &Inode<T>, _area: &mut Area<'_, T>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->fsync`, after dirty folios of the range were written back.
    fn fsync(_inode: &Inode<T>, _data_only: bool, _wait: &NoFolio) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `->splice_read`.
    fn splice_read(_inode: &Inode<T>, _splice: Splice<'_>, _wait: &NoFolio) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// C callbacks for [`Operations`].
pub(in crate::vfs) struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    /// The table. Members without a method are what C file systems have there as a rule.
    pub(in crate::vfs) const TABLE: bindings::file_operations = bindings::file_operations {
        llseek: if O::HAS_LLSEEK {
            Some(Self::llseek)
        } else {
            Some(bindings::generic_file_llseek)
        },
        read: if O::HAS_ITERATE_SHARED {
            Some(bindings::generic_read_dir)
        } else {
            None
        },
        read_iter: if O::HAS_READ_ITER {
            Some(Self::read_iter)
        } else {
            None
        },
        write_iter: if O::HAS_WRITE_ITER {
            Some(Self::write_iter)
        } else {
            None
        },
        iterate_shared: if O::HAS_ITERATE_SHARED {
            Some(Self::iterate_shared)
        } else {
            None
        },
        mmap_prepare: if O::HAS_MMAP_PREPARE {
            Some(Self::mmap_prepare)
        } else {
            None
        },
        open: if O::HAS_READ_ITER {
            Some(Self::open)
        } else {
            None
        },
        fsync: if O::HAS_FSYNC {
            Some(Self::fsync)
        } else {
            None
        },
        splice_read: if O::HAS_SPLICE_READ {
            Some(Self::splice_read)
        } else if O::HAS_READ_ITER {
            Some(bindings::filemap_splice_read)
        } else {
            None
        },
        splice_write: if O::HAS_WRITE_ITER {
            Some(bindings::iter_file_splice_write)
        } else {
            None
        },
        // io_uring may try `IOCB_NOWAIT` before it lets a thread wait.
        fop_flags: if O::NOWAIT {
            bindings::FOP_BUFFER_RASYNC | bindings::FOP_BUFFER_WASYNC
        } else {
            0
        },
        // SAFETY: All-zero is a valid table: every member is optional.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    unsafe extern "C" fn llseek(
        file: *mut bindings::file,
        offset: bindings::loff_t,
        whence: c_int,
    ) -> bindings::loff_t {
        // SAFETY: The VFS passes an open file and holds no folio lock.
        let (inode, wait) = unsafe { (Inode::<T>::of_file(file), NoFolio::at_entry()) };
        let seek = Seek {
            file,
            offset,
            whence,
            _inode: PhantomData,
        };
        match O::llseek(inode, seek, &wait) {
            Ok(position) => position,
            Err(e) => e.to_errno().into(),
        }
    }

    unsafe extern "C" fn open(raw: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The arguments are the VFS's own.
        let ret = unsafe { bindings::generic_file_open(raw, file) };
        if ret == 0 && O::NOWAIT {
            // SAFETY: Nobody else has the file before `->open` has returned.
            unsafe { (*file).f_mode |= bindings::FMODE_NOWAIT };
        }
        ret
    }

    unsafe extern "C" fn read_iter(
        iocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The VFS passes valid pointers and holds no folio lock.
        let (inode, io, wait) = unsafe { Self::io(iocb, iter) };
        bytes(O::read_iter(inode, io, &wait))
    }

    unsafe extern "C" fn write_iter(
        iocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The VFS passes valid pointers and holds no folio lock.
        let (inode, io, wait) = unsafe { Self::io(iocb, iter) };
        bytes(O::write_iter(inode, io, wait))
    }

    unsafe extern "C" fn iterate_shared(
        file: *mut bindings::file,
        ctx: *mut bindings::dir_context,
    ) -> c_int {
        // SAFETY: The VFS passes an open directory, locked shared, and a valid context, and holds
        // no folio lock.
        let (dir, mut out, wait) = unsafe {
            (
                Inode::<T>::of_file(file),
                Emitter::from_raw(ctx),
                NoFolio::at_entry(),
            )
        };
        from_result(|| O::iterate_shared(dir, &mut out, &wait).map(|()| 0))
    }

    unsafe extern "C" fn mmap_prepare(desc: *mut bindings::vm_area_desc) -> c_int {
        // SAFETY: The VFS passes a valid description, of an open file.
        let (inode, raw) = unsafe {
            (
                Inode::<T>::of_file((*desc).file),
                NonNull::new_unchecked(desc),
            )
        };
        let mut area = Area {
            raw,
            _inode: PhantomData,
        };
        from_result(|| O::mmap_prepare(inode, &mut area).map(|()| 0))
    }

    unsafe extern "C" fn fsync(
        file: *mut bindings::file,
        start: bindings::loff_t,
        end: bindings::loff_t,
        datasync: c_int,
    ) -> c_int {
        // SAFETY: The VFS passes an open file and holds no folio lock.
        let (inode, wait) = unsafe { (Inode::<T>::of_file(file), NoFolio::at_entry()) };
        from_result(|| {
            // SAFETY: As above; errors of earlier writeback are reported once to each file.
            to_result(unsafe { bindings::file_write_and_wait_range(file, start, end) })?;
            O::fsync(inode, datasync != 0, &wait).map(|()| 0)
        })
    }

    unsafe extern "C" fn splice_read(
        file: *mut bindings::file,
        pos: *mut bindings::loff_t,
        pipe: *mut bindings::pipe_inode_info,
        len: usize,
        flags: c_uint,
    ) -> isize {
        // SAFETY: The VFS passes an open file and holds no folio lock.
        let (inode, wait) = unsafe { (Inode::<T>::of_file(file), NoFolio::at_entry()) };
        let splice = Splice {
            file,
            pos,
            pipe,
            len,
            flags,
            _call: PhantomData,
        };
        bytes(O::splice_read(inode, splice, &wait))
    }

    /// # Safety
    ///
    /// Both pointers are valid during `'a`, this operation's own, and belong to a file of `T`; no
    /// folio of it is locked.
    unsafe fn io<'a>(
        iocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> (&'a Inode<T>, Io<'a, T>, NoFolio) {
        // SAFETY: By the contract.
        unsafe {
            (
                Inode::<T>::of_file((*iocb).ki_filp),
                Io::from_raw(iocb, iter),
                NoFolio::at_entry(),
            )
        }
    }
}

/// For C: the number of bytes, or the error.
fn bytes(done: Result<usize>) -> isize {
    match done {
        Ok(n) => n as isize,
        Err(e) => e.to_errno() as isize,
    }
}
