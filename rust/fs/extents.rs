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

use super::{
    dir::Attr as _, file::file_inode, folio::NoFolio, inode::Inode, super_block::FileSystem,
};
use core::{marker::PhantomData, mem::MaybeUninit};
use kernel::{bindings, error::from_result, prelude::*};

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

/// Says where the data of a file is; C: `iomap_begin` of `struct iomap_ops`, for reports only.
pub(crate) trait Operations<T: FileSystem> {
    /// Whether that can be said. Without, all of a file counts as data, and there is no FIEMAP.
    const SUPPORTED: bool;

    /// The range that byte `pos` is in; `len` bytes from there on are of interest. Takes the locks
    /// that it needs, and holds none when it returns.
    fn extent(inode: &Inode<T>, pos: u64, len: u64, wait: &NoFolio) -> Result<Extent>;
}

/// A file system that doesn't say.
impl<T: FileSystem> Operations<T> for () {
    const SUPPORTED: bool = false;

    fn extent(_: &Inode<T>, _: u64, _: u64, _: &NoFolio) -> Result<Extent> {
        Err(EOPNOTSUPP)
    }
}

/// C callbacks for [`Operations`].
pub(super) struct Callbacks<T>(PhantomData<T>);

impl<T: FileSystem> Callbacks<T> {
    /// `->fiemap`, if there is any.
    pub(super) const FIEMAP: Option<
        unsafe extern "C" fn(
            *mut bindings::inode,
            *mut bindings::fiemap_extent_info,
            u64,
            u64,
        ) -> c_int,
    > = if T::Extents::SUPPORTED {
        Some(Self::fiemap)
    } else {
        None
    };

    const MAP: bindings::iomap_ops = bindings::iomap_ops {
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
        // SAFETY: Called by the two functions below, which hold no folio lock, for their inode.
        let (inode, wait) = unsafe { (Inode::<T>::from_raw(inode), NoFolio::at_entry()) };
        from_result(|| {
            let found = T::Extents::extent(inode, pos as u64, length as u64, &wait)?;
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

    /// `->llseek`. The end of the file is that of now, also if another node moved it.
    pub(super) unsafe extern "C" fn llseek(
        file: *mut bindings::file,
        offset: bindings::loff_t,
        whence: c_int,
    ) -> bindings::loff_t {
        // SAFETY: The VFS passes an open file and holds no folio lock.
        let (inode, wait) = unsafe { (file_inode::<T>(file), NoFolio::at_entry()) };
        let whence_is = |which: u32| whence as u32 == which;
        let is_file = u32::from(inode.mode()) & bindings::S_IFMT == bindings::S_IFREG;
        let by_extents = (whence_is(bindings::SEEK_DATA) || whence_is(bindings::SEEK_HOLE))
            && T::Extents::SUPPORTED
            && is_file;
        if by_extents || whence_is(bindings::SEEK_END) {
            if let Err(e) = T::Attr::refresh(inode, &wait) {
                return e.to_errno().into();
            }
        }
        let raw = inode.as_raw();
        // SAFETY: The file is open and keeps its inode; the table lives as long as the module.
        unsafe {
            if !by_extents {
                return bindings::generic_file_llseek(file, offset, whence);
            }
            let found = if whence_is(bindings::SEEK_DATA) {
                bindings::iomap_seek_data(raw, offset, &Self::MAP)
            } else {
                bindings::iomap_seek_hole(raw, offset, &Self::MAP)
            };
            if found < 0 {
                return found;
            }
            bindings::vfs_setpos(file, found, (*(*raw).i_sb).s_maxbytes)
        }
    }

    unsafe extern "C" fn fiemap(
        inode: *mut bindings::inode,
        info: *mut bindings::fiemap_extent_info,
        start: u64,
        len: u64,
    ) -> c_int {
        // SAFETY: The VFS passes an inode that the caller keeps and its own report; the table lives
        // as long as the module.
        unsafe { bindings::iomap_fiemap(inode, info, start, len, &Self::MAP) }
    }
}
