// SPDX-License-Identifier: GPL-2.0-only
//! Where the data of a file is, for `SEEK_DATA`, `SEEK_HOLE` and FIEMAP.
//!
//! C headers: [`include/linux/iomap.h`](srctree/include/linux/iomap.h),
//! [`include/linux/fiemap.h`](srctree/include/linux/fiemap.h)
//!
//! FIEMAP copies each extent to user memory, which may be a mapping of that very file: no lock is
//! held from one extent to the next.
//!
//! Not supported: I/O by iomap, delayed allocation.

use super::{file_system::FileSystem, folio::NoFolio, inode::Inode};
use core::{marker::PhantomData, mem::MaybeUninit};
use kernel::{
    bindings,
    error::{from_result, to_result},
    prelude::*,
};

/// What a range of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing; reads as zeros.
    Hole,
    /// Blocks with data, from this byte of the device on.
    Written(u64),
    /// Blocks that read as zeros until they are written.
    Unwritten(u64),
    /// Data in the inode, from this byte of the device on.
    Inline(u64),
}

/// One range of a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Where it begins, at or before the position that was asked for.
    pub(crate) start: u64,
    /// How long it is; it ends behind that position.
    pub(crate) len: u64,
    pub(crate) kind: Kind,
    /// Whether another file has the same blocks.
    pub(crate) shared: bool,
}

/// Says where the data of a file is; C: `struct iomap_ops`, for reports only.
#[vtable]
pub(crate) trait Operations<T: FileSystem> {
    /// `->iomap_begin`: the range that byte `pos` is in; `len` bytes from there on are of interest.
    /// Takes the locks that it needs, and holds none when it returns.
    fn iomap_begin(inode: &Inode<T>, pos: u64, len: u64, wait: &NoFolio) -> Result<Extent>;
}

/// C callbacks for [`Operations`].
struct Callbacks<T, O>(PhantomData<(T, O)>);

impl<T: FileSystem, O: Operations<T>> Callbacks<T, O> {
    const TABLE: bindings::iomap_ops = bindings::iomap_ops {
        iomap_begin: Some(Self::begin),
        // SAFETY: All-zero is a valid table: every member is an optional function.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// `->iomap_begin`, for reports only.
    unsafe extern "C" fn begin(
        inode: *mut bindings::inode,
        pos: bindings::loff_t,
        length: bindings::loff_t,
        _flags: c_uint,
        iomap: *mut bindings::iomap,
        _srcmap: *mut bindings::iomap,
    ) -> c_int {
        // SAFETY: Called for the reports below, which hold no folio lock, with their inode.
        let (inode, wait) = unsafe { (Inode::<T>::from_raw(inode), NoFolio::at_entry()) };
        from_result(|| {
            let found = O::iomap_begin(inode, pos as u64, length as u64, &wait)?;
            let past = found.start.checked_add(found.len).ok_or(EFBIG)?;
            // What iomap_iter() takes for granted.
            if found.start > pos as u64 || past <= pos as u64 {
                return Err(EIO);
            }
            let (kind, addr) = match found.kind {
                Kind::Hole => (bindings::IOMAP_HOLE, bindings::IOMAP_NULL_ADDR as u64),
                Kind::Written(addr) => (bindings::IOMAP_MAPPED, addr),
                Kind::Unwritten(addr) => (bindings::IOMAP_UNWRITTEN, addr),
                Kind::Inline(addr) => (bindings::IOMAP_INLINE, addr),
            };
            // SAFETY: The map is the caller's, for us to fill.
            let map = unsafe { &mut *iomap };
            map.offset = found.start as i64;
            map.length = found.len;
            map.addr = addr;
            map.type_ = kind as u16;
            map.flags = if found.shared {
                bindings::IOMAP_F_SHARED as u16
            } else {
                0
            };
            Ok(0)
        })
    }
}

/// A change of a file's position; what `->llseek` is called with.
pub(crate) struct Seek<'a, T: FileSystem> {
    pub(in crate::vfs) file: *mut bindings::file,
    pub(in crate::vfs) offset: bindings::loff_t,
    pub(in crate::vfs) whence: c_int,
    pub(in crate::vfs) _inode: PhantomData<&'a Inode<T>>,
}

impl<T: FileSystem> Seek<'_, T> {
    fn is(&self, whence: u32) -> bool {
        self.whence as u32 == whence
    }

    fn is_by_extents(&self) -> bool {
        self.is(bindings::SEEK_DATA) || self.is(bindings::SEEK_HOLE)
    }

    /// Whether it depends on the size of the file, or on what is where in it.
    pub(crate) fn depends_on_inode(&self) -> bool {
        self.is_by_extents() || self.is(bindings::SEEK_END)
    }

    /// Seeks by the size that the inode has in memory (`generic_file_llseek`). All of a file counts
    /// as data.
    pub(crate) fn generic(self) -> Result<i64> {
        // SAFETY: The file is open.
        position(unsafe { bindings::generic_file_llseek(self.file, self.offset, self.whence) })
    }

    /// The same, but `SEEK_DATA` and `SEEK_HOLE` go by what `O` says.
    pub(crate) fn by_extents<O: Operations<T>>(self) -> Result<i64> {
        if !self.is_by_extents() {
            return self.generic();
        }
        let ops = &Callbacks::<T, O>::TABLE;
        // SAFETY: The file is open and keeps its inode; the table lives as long as the module.
        position(unsafe {
            let raw = Inode::<T>::of_file(self.file).as_raw();
            let found = if self.is(bindings::SEEK_DATA) {
                bindings::iomap_seek_data(raw, self.offset, ops)
            } else {
                bindings::iomap_seek_hole(raw, self.offset, ops)
            };
            if found < 0 {
                found
            } else {
                bindings::vfs_setpos(self.file, found, (*(*raw).i_sb).s_maxbytes)
            }
        })
    }
}

/// What C returns as a position, or an error.
fn position(ret: bindings::loff_t) -> Result<i64> {
    if ret < 0 {
        return Err(Error::from_errno(ret as c_int));
    }
    Ok(ret)
}

/// A report of a file's extents; what `->fiemap` is called with.
pub(crate) struct Report<'a, T: FileSystem> {
    pub(in crate::vfs) inode: &'a Inode<T>,
    pub(in crate::vfs) info: *mut bindings::fiemap_extent_info,
    pub(in crate::vfs) start: u64,
    pub(in crate::vfs) len: u64,
}

impl<T: FileSystem> Report<'_, T> {
    /// Fills it with what `O` says.
    pub(crate) fn by_extents<O: Operations<T>>(self) -> Result {
        let ops = &Callbacks::<T, O>::TABLE;
        // SAFETY: The caller of `->fiemap` keeps the inode, and passes its own report; the table
        // lives as long as the module.
        to_result(unsafe {
            bindings::iomap_fiemap(self.inode.as_raw(), self.info, self.start, self.len, ops)
        })
    }
}
