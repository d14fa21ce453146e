// SPDX-License-Identifier: GPL-2.0-only
//! Extended attributes and POSIX ACLs, for reading.
//!
//! C headers: [`include/linux/xattr.h`](srctree/include/linux/xattr.h),
//! [`include/linux/posix_acl.h`](srctree/include/linux/posix_acl.h),
//! [`include/linux/posix_acl_xattr.h`](srctree/include/linux/posix_acl_xattr.h)
//!
//! Not supported: setting them, ACLs that the VFS caches, idmapped mounts.

use super::{folio::NoFolio, inode::Inode, super_block::FileSystem};
use core::{marker::PhantomData, ptr};
use kernel::{
    bindings,
    error::{from_result, Result},
    prelude::*,
};

/// What the name of an attribute begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// `user.`
    User = 1,
    /// `trusted.`
    Trusted,
    /// `security.`
    Security,
}

/// Which ACL of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acl {
    /// Decides about access (`ACL_TYPE_ACCESS`).
    Access,
    /// What is made in a directory begins with it (`ACL_TYPE_DEFAULT`).
    Default,
}

/// `ACL_DONT_CACHE` of `srctree/include/linux/fs.h`, for both ACLs of an inode.
pub(super) const NO_CACHED_ACLS: (*mut bindings::posix_acl, *mut bindings::posix_acl) =
    (DONT_CACHE, DONT_CACHE);
const DONT_CACHE: *mut bindings::posix_acl = ptr::without_provenance_mut(-3_isize as usize);

/// One entry of an ACL as C's `struct posix_acl_xattr_entry` has it: `e_tag`, `e_perm`, `e_id`, all
/// little-endian.
pub(crate) const ACL_ENTRY: usize = 8;
/// `POSIX_ACL_XATTR_VERSION` of `srctree/include/uapi/linux/posix_acl_xattr.h`.
const ACL_VERSION: u32 = 2;

/// C: `struct xattr_handler`, and the parts of `struct inode_operations` that concern attributes.
///
/// Every operation is called with no folio locked, and may be with the inode lock held.
pub(crate) trait Operations<T: FileSystem> {
    /// Whether there are attributes at all. Without, the rest is never called.
    const SUPPORTED: bool;

    /// `->get`: the value of attribute `name`, which is without its namespace.
    ///
    /// # Errors
    ///
    /// `ENODATA` if there is no such attribute.
    fn get(inode: &Inode<T>, space: Namespace, name: &[u8], wait: &NoFolio) -> Result<KVec<u8>>;

    /// `->set` with no value: removes an attribute. The inode lock is held.
    fn remove(inode: &Inode<T>, space: Namespace, name: &[u8], wait: &NoFolio) -> Result;

    /// `->listxattr`: hands over all names. `out` may fault in user memory of nobody, so locks may
    /// be held.
    fn list(inode: &Inode<T>, out: &mut Names<'_>, wait: &NoFolio) -> Result;

    /// `->get_inode_acl`: the entries of an ACL, each [`ACL_ENTRY`] bytes; `None` without one.
    ///
    /// # Errors
    ///
    /// Where it decides about access `EACCES` refuses all but the owner, and those with
    /// `CAP_DAC_OVERRIDE`; any other error refuses these as well.
    fn acl(inode: &Inode<T>, which: Acl, wait: &NoFolio) -> Result<Option<KVec<u8>>>;
}

/// A file system without attributes.
impl<T: FileSystem> Operations<T> for () {
    const SUPPORTED: bool = false;

    fn get(_: &Inode<T>, _: Namespace, _: &[u8], _: &NoFolio) -> Result<KVec<u8>> {
        Err(EOPNOTSUPP)
    }

    fn remove(_: &Inode<T>, _: Namespace, _: &[u8], _: &NoFolio) -> Result {
        Err(EOPNOTSUPP)
    }

    fn list(_: &Inode<T>, _: &mut Names<'_>, _: &NoFolio) -> Result {
        Ok(())
    }

    fn acl(_: &Inode<T>, _: Acl, _: &NoFolio) -> Result<Option<KVec<u8>>> {
        Ok(None)
    }
}

/// Where `->listxattr` puts names: the kernel's copy of the caller's buffer, or nowhere if only the
/// size is asked for.
pub(crate) struct Names<'a> {
    buffer: Option<&'a mut [u8]>,
    used: usize,
}

impl Names<'_> {
    /// Adds a name, in two parts.
    ///
    /// # Errors
    ///
    /// `ERANGE` if the buffer is full.
    pub(crate) fn add(&mut self, prefix: &[u8], name: &[u8]) -> Result {
        let whole = prefix.len() + name.len() + 1;
        if let Some(buffer) = &mut self.buffer {
            let room = buffer.get_mut(self.used..).and_then(|b| b.get_mut(..whole));
            let (begin, rest) = room.ok_or(ERANGE)?.split_at_mut(prefix.len());
            begin.copy_from_slice(prefix);
            if let Some((nul, body)) = rest.split_last_mut() {
                body.copy_from_slice(name);
                *nul = 0;
            }
        }
        self.used += whole;
        Ok(())
    }
}

/// Whether this task may see what is for administrators (`CAP_SYS_ADMIN`).
pub(crate) fn is_administrator() -> bool {
    // SAFETY: May be called by any task.
    unsafe { bindings::capable(bindings::CAP_SYS_ADMIN as c_int) }
}

/// C callbacks for [`Operations`].
pub(in crate::vfs) struct Callbacks<T, X>(PhantomData<(T, X)>);

impl<T: FileSystem, X: Operations<T>> Callbacks<T, X> {
    const USER: bindings::xattr_handler = Self::handler(Namespace::User, c"user.");
    const TRUSTED: bindings::xattr_handler = Self::handler(Namespace::Trusted, c"trusted.");
    const SECURITY: bindings::xattr_handler = Self::handler(Namespace::Security, c"security.");
    const LIST: [*const bindings::xattr_handler; 4] =
        [&Self::USER, &Self::TRUSTED, &Self::SECURITY, ptr::null()];

    /// `s_xattr`: null for a file system without attributes.
    pub(in crate::vfs) const HANDLERS: *const *const bindings::xattr_handler = if X::SUPPORTED {
        (&Self::LIST as *const [*const bindings::xattr_handler; 4]).cast()
    } else {
        ptr::null()
    };

    const fn handler(space: Namespace, prefix: &'static CStr) -> bindings::xattr_handler {
        bindings::xattr_handler {
            name: ptr::null(),
            prefix: prefix.as_ptr().cast(),
            flags: space as c_int,
            list: None,
            get: Some(Self::get),
            set: Some(Self::set),
        }
    }

    unsafe extern "C" fn get(
        handler: *const bindings::xattr_handler,
        _dentry: *mut bindings::dentry,
        inode: *mut bindings::inode,
        name: *const c_char,
        buffer: *mut c_void,
        size: usize,
    ) -> c_int {
        // SAFETY: The VFS passes one of the handlers above, an inode of `T` that the caller keeps,
        // and the rest of a name; it holds no folio lock.
        let (space, inode, name, wait) = unsafe {
            (
                space(&*handler),
                Inode::<T>::from_raw(inode),
                CStr::from_char_ptr(name),
                NoFolio::at_entry(),
            )
        };
        from_result(|| {
            let value = X::get(inode, space, name.to_bytes(), &wait)?;
            if !buffer.is_null() {
                if value.len() > size {
                    return Err(ERANGE);
                }
                // SAFETY: The buffer has room for `size` bytes, and isn't `value`'s memory.
                unsafe { ptr::copy_nonoverlapping(value.as_ptr(), buffer.cast(), value.len()) };
            }
            Ok(value.len() as c_int)
        })
    }

    #[expect(clippy::too_many_arguments, reason = "as C has it")]
    unsafe extern "C" fn set(
        handler: *const bindings::xattr_handler,
        _idmap: *mut bindings::mnt_idmap,
        _dentry: *mut bindings::dentry,
        inode: *mut bindings::inode,
        name: *const c_char,
        value: *const c_void,
        _size: usize,
        _flags: c_int,
    ) -> c_int {
        // SAFETY: As for `get`.
        let (space, inode, name, wait) = unsafe {
            (
                space(&*handler),
                Inode::<T>::from_raw(inode),
                CStr::from_char_ptr(name),
                NoFolio::at_entry(),
            )
        };
        if !value.is_null() {
            return EOPNOTSUPP.to_errno();
        }
        from_result(|| X::remove(inode, space, name.to_bytes(), &wait).map(|()| 0))
    }

    /// `->listxattr`.
    pub(in crate::vfs) unsafe extern "C" fn list(
        dentry: *mut bindings::dentry,
        buffer: *mut c_char,
        size: usize,
    ) -> isize {
        // SAFETY: The VFS passes a positive dentry, which keeps its inode, and holds no folio lock.
        // The buffer, if there is one, is memory of the kernel with room for `size` bytes, set when
        // it was allocated or about to be written.
        let (inode, buffer, wait) = unsafe {
            let buffer = if buffer.is_null() {
                None
            } else {
                ptr::write_bytes(buffer, 0, size);
                Some(core::slice::from_raw_parts_mut(buffer.cast(), size))
            };
            (
                Inode::<T>::from_raw((*dentry).d_inode),
                buffer,
                NoFolio::at_entry(),
            )
        };
        let mut names = Names { buffer, used: 0 };
        match X::list(inode, &mut names, &wait) {
            Ok(()) => names.used as isize,
            Err(e) => e.to_errno() as isize,
        }
    }

    /// `->get_inode_acl`. The ACL isn't cached (`ACL_DONT_CACHE`), as other nodes change it; so this
    /// is called in RCU walks, too.
    pub(in crate::vfs) unsafe extern "C" fn get_inode_acl(
        inode: *mut bindings::inode,
        kind: c_int,
        rcu: bool,
    ) -> *mut bindings::posix_acl {
        if rcu {
            return Error::from_errno(-(bindings::ECHILD as c_int)).to_ptr();
        }
        // SAFETY: Outside of RCU walks the caller keeps the inode, and holds no folio lock.
        let (inode, wait) = unsafe { (Inode::<T>::from_raw(inode), NoFolio::at_entry()) };
        let which = match kind as u32 {
            bindings::ACL_TYPE_ACCESS => Acl::Access,
            bindings::ACL_TYPE_DEFAULT => Acl::Default,
            _ => return EINVAL.to_ptr(),
        };
        match X::acl(inode, which, &wait) {
            Ok(None) => ptr::null_mut(),
            Ok(Some(entries)) => parse(&entries).unwrap_or_else(|e| e.to_ptr()),
            Err(e) => e.to_ptr(),
        }
    }
}

/// Which namespace a handler is for.
fn space(handler: &bindings::xattr_handler) -> Namespace {
    match handler.flags {
        x if x == Namespace::User as c_int => Namespace::User,
        x if x == Namespace::Trusted as c_int => Namespace::Trusted,
        _ => Namespace::Security,
    }
}

/// Makes C's ACL of entries as the disk has them. May give `ERR_PTR`.
fn parse(entries: &[u8]) -> Result<*mut bindings::posix_acl> {
    let mut value = KVec::with_capacity(4 + entries.len(), GFP_KERNEL)?;
    value.extend_from_slice(&ACL_VERSION.to_le_bytes(), GFP_KERNEL)?;
    value.extend_from_slice(entries, GFP_KERNEL)?;
    // SAFETY: The value is valid for reading; the namespace is static, and what the disk's ids are
    // of, as the file system doesn't support mounts in other ones.
    Ok(unsafe {
        bindings::posix_acl_from_xattr(
            &raw mut bindings::init_user_ns,
            value.as_ptr().cast(),
            value.len(),
        )
    })
}
