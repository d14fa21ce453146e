// SPDX-License-Identifier: GPL-2.0-only
//! What user space and the VFS ask of an inode's attributes.

use super::{
    refuse::warn,
    search::{each, find, Found, Seen},
};
use crate::{
    meta::inode::InodeExt,
    ondisk::xattr::entries::Prefix,
    vfs::fs::{
        folio::NoFolio,
        xattr::{is_administrator, Acl, Names, Namespace, Operations},
    },
    Inode, Ocfs2,
};
use core::ops::ControlFlow;
use kernel::prelude::*;

pub(crate) struct Attributes;

impl Operations<Ocfs2> for Attributes {
    const SUPPORTED: bool = true;

    /// `EOPNOTSUPP` for a value that can't be read yet, which isn't the same as none.
    fn get(inode: &Inode, space: Namespace, name: &[u8], wait: &NoFolio) -> Result<KVec<u8>> {
        let prefix = match space {
            Namespace::User if !inode.volume().settings.user_xattr => return Err(EOPNOTSUPP),
            Namespace::User => Prefix::User,
            Namespace::Trusted => Prefix::Trusted,
            Namespace::Security => Prefix::Security,
        };
        let held = inode.lock_shared(wait)?;
        match find(&held, prefix, name)? {
            Found::Value(value) => Ok(value),
            Found::None => Err(ENODATA),
            Found::Unreadable => Err(EOPNOTSUPP),
        }
    }

    /// Nothing can be removed yet. `EACCES`, since the VFS takes `EOPNOTSUPP` for a file system
    /// without capabilities, and would let a write go on that has to take them away.
    fn remove(inode: &Inode, space: Namespace, name: &[u8], _wait: &NoFolio) -> Result {
        if space == Namespace::Security && name == b"capability" {
            warn(inode, "its capabilities would have to be removed");
            return Err(EACCES);
        }
        Err(EOPNOTSUPP)
    }

    fn list(inode: &Inode, out: &mut Names<'_>, wait: &NoFolio) -> Result {
        let settings = &inode.volume().settings;
        let held = inode.lock_shared(wait)?;
        let seen = each(&held, |entry| {
            let prefix: Option<&[u8]> = match entry.prefix {
                Some(Prefix::User) => settings.user_xattr.then_some(b"user."),
                Some(Prefix::AclAccess) => settings.acl.then_some(b"system.posix_acl_access"),
                Some(Prefix::AclDefault) => settings.acl.then_some(b"system.posix_acl_default"),
                Some(Prefix::Trusted) => is_administrator().then_some(b"trusted."),
                Some(Prefix::Security) => Some(b"security."),
                None => None,
            };
            if let Some(prefix) = prefix {
                out.add(prefix, entry.name)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        match seen {
            Seen::All => Ok(()),
            Seen::Some => Err(EOPNOTSUPP),
        }
    }

    fn acl(inode: &Inode, which: Acl, wait: &NoFolio) -> Result<Option<KVec<u8>>> {
        let prefix = match which {
            Acl::Access => Prefix::AclAccess,
            Acl::Default => Prefix::AclDefault,
        };
        let held = inode.lock_shared(wait)?;
        match find(&held, prefix, b"")? {
            Found::Value(value) => Ok(Some(value)),
            Found::None => Ok(None),
            Found::Unreadable => {
                warn(inode, "its ACL can't be read: open to its owner only");
                Err(EACCES)
            }
        }
    }
}
