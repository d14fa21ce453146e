// SPDX-License-Identifier: GPL-2.0-only
//! The operations: each asks its trigger first, and does what it says.

use crate::{
    trigger::{Action, Op},
    vfs::fs::{
        address_space::{self, ReadFolio, Readahead, WriteBegin, WriteTarget},
        dir::{self, Attr, Change, Emitter, Entry},
        file::{self, Io},
        folio::{LockedFolio, NoFolio, Retry, WriteFolio},
        inode::OfInode,
        tables::Tables,
    },
    volume::{iget, Options, ROOT, S_IFLNK, S_IFMT, S_IFREG},
    AopRetry, Inode, InodeRef,
};
use kernel::prelude::*;

/// All operations of this file system.
pub(crate) struct Ops;

/// No other node has this file system, so whoever has the inode locked has it to itself.
pub(crate) struct OneNode<'a>(&'a Inode);

impl OfInode<AopRetry> for OneNode<'_> {
    fn inode(&self) -> &Inode {
        self.0
    }
}

/// The wait that a retry comes after is over at once here.
pub(crate) struct NothingToWaitFor;

fn retry(unlocked: NoFolio) -> Retry<NothingToWaitFor> {
    Retry::after(unlocked, NothingToWaitFor)
}

fn fire(inode: &Inode, op: Op) -> Option<(Action, u64)> {
    inode.volume().triggers.fire(op)
}

/// The error with this number, or `EIO` if there is none.
fn error(errno: u64) -> Error {
    i32::try_from(errno).map_or(EIO, |n| Error::from_errno(-n))
}

impl address_space::Operations<AopRetry> for Ops {
    type Write = ();
    type Waited = NothingToWaitFor;

    fn read_folio(inode: &Inode, folio: LockedFolio) -> ReadFolio<NothingToWaitFor> {
        match fire(inode, Op::ReadFolio) {
            Some((Action::Error, errno)) => ReadFolio::Err(error(errno)),
            Some((Action::Drop, _)) => {
                let unlocked = folio.unlock();
                inode.drop_page_cache();
                ReadFolio::Retry(retry(unlocked))
            }
            Some(_) => ReadFolio::Retry(retry(folio.unlock())),
            None => match inode.node() {
                Ok(node) => {
                    node.content.load(&folio);
                    ReadFolio::Done
                }
                Err(e) => ReadFolio::Err(e),
            },
        }
    }

    fn readahead(inode: &Inode, mut batch: Readahead<'_, AopRetry>) {
        let count = match fire(inode, Op::Readahead) {
            Some((Action::Short, folios)) => folios,
            Some(_) => 0,
            None => u64::MAX,
        };
        let Ok(node) = inode.node() else { return };
        for _ in 0..count {
            if batch.next(|folio| node.content.load(folio)).is_none() {
                return;
            }
        }
    }

    fn write_begin(
        inode: &Inode,
        pos: i64,
        len: usize,
        target: WriteTarget<'_, AopRetry>,
        wait: NoFolio,
    ) -> WriteBegin<(), NothingToWaitFor> {
        match fire(inode, Op::WriteBegin) {
            Some((Action::Error, errno)) => return WriteBegin::Err(error(errno)),
            Some((Action::Drop, _)) => {
                inode.drop_page_cache();
                return WriteBegin::Retry(retry(wait));
            }
            // Also under IOCB_NOWAIT, for which the VFS has to find an answer.
            Some(_) => return WriteBegin::Retry(retry(wait)),
            None => {}
        }
        let node = match inode.node() {
            Ok(node) => node,
            Err(e) => return WriteBegin::Err(e),
        };
        match target.folio(pos, len, wait) {
            Ok(folio) => {
                if !folio.is_uptodate() {
                    node.content.load(&folio);
                }
                WriteBegin::Ready(folio, ())
            }
            Err((_, e)) => WriteBegin::Err(e),
        }
    }

    /// What isn't accepted is taken back from the folio, which was up to date before.
    fn write_end(
        inode: &Inode,
        pos: i64,
        len: usize,
        copied: usize,
        folio: WriteFolio,
        _context: (),
    ) -> Result<usize> {
        let node = inode.node()?;
        let refuse = |result| {
            node.content.load(&folio);
            result
        };
        let accepted = match fire(inode, Op::WriteEnd) {
            None => copied,
            Some((Action::Short, most)) => copied.min(usize::try_from(most).unwrap_or(copied)),
            Some((Action::Claim, count)) => {
                return refuse(usize::try_from(count).map_err(|_| EINVAL));
            }
            Some((Action::Error, errno)) => return refuse(Err(error(errno))),
            // `expand` has nothing that could be accepted later.
            Some((Action::Retry | Action::Drop, _)) if len == 0 => 0,
            Some((Action::Retry, _)) => return refuse(Ok(0)),
            Some((Action::Drop, _)) => {
                // Not dirty, so what comes back next time is what the file contains.
                let _unlocked = folio.release();
                inode.drop_page_cache();
                return Ok(0);
            }
        };
        node.content.store(&folio, pos, accepted)?;
        if accepted < copied {
            node.content.load(&folio);
        }
        let end = pos + accepted as i64;
        if end > inode.size() && (accepted > 0 || len == 0) {
            Inode::set_size(&OneNode(inode), end);
        }
        Ok(accepted)
    }
}

impl file::Operations<AopRetry> for Ops {
    const NOWAIT: bool = true;

    fn read_iter(_inode: &Inode, mut io: Io<'_, AopRetry>, _wait: &NoFolio) -> Result<usize> {
        io.read()
    }

    fn write_iter(inode: &Inode, mut io: Io<'_, AopRetry>, _wait: NoFolio) -> Result<usize> {
        let _held = if io.nowait() {
            inode.try_lock().ok_or(EAGAIN)?
        } else {
            inode.lock_killable()?
        };
        match fire(inode, Op::WriteIter) {
            Some((Action::Error, errno)) => return Err(error(errno)),
            Some((_, 0)) => return Ok(0),
            Some((_, most)) => io.limit(usize::try_from(most).unwrap_or(usize::MAX)),
            None => {}
        }
        if io.write_checks()? == 0 {
            return Ok(0);
        }
        Inode::set_modified(&OneNode(inode), inode.current_time());
        io.write()
    }

    fn before_read(_inode: &Inode, _may_wait: bool, _wait: &NoFolio) -> Result {
        Ok(())
    }

    fn fsync(_inode: &Inode, _data_only: bool, _wait: &NoFolio) -> Result {
        Ok(())
    }
}

impl dir::Operations<AopRetry> for Ops {
    fn lookup(dir: &Inode, entry: &Entry<'_>, wait: &NoFolio) -> Result<Option<InodeRef>> {
        let found = dir.volume().find(entry.name());
        found.map(|ino| iget(dir.sb(), ino, wait)).transpose()
    }

    fn create(dir: &Inode, entry: &Entry<'_>, mode: u16, wait: &NoFolio) -> Result<InodeRef> {
        let ino = dir.volume().add(entry.name(), S_IFREG | mode)?;
        iget(dir.sb(), ino, wait)
    }

    fn symlink(dir: &Inode, entry: &Entry<'_>, target: &CStr, wait: NoFolio) -> Result<InodeRef> {
        let ino = dir.volume().add(entry.name(), S_IFLNK | 0o777)?;
        let made = iget(dir.sb(), ino, &wait).and_then(|inode| {
            inode.write_symlink(target, wait)?;
            Ok(inode)
        });
        made.inspect_err(|_| dir.volume().give_up(ino))
    }

    fn revalidate(_dir: &Inode, _entry: &Entry<'_>, _wait: &NoFolio) -> Result<bool> {
        Ok(true)
    }

    /// Positions: 0 and 1 are the dots, the files follow in the order of their making.
    fn iterate(dir: &Inode, out: &mut Emitter<'_>, _wait: &NoFolio) -> Result {
        const DT_DIR: u8 = 4;
        for (pos, dots) in [&b"."[..], b".."].into_iter().enumerate() {
            if out.pos() == pos as i64 {
                if !out.emit(dots, ROOT, DT_DIR) {
                    return Ok(());
                }
                out.set_pos(pos as i64 + 1);
            }
        }
        let skip = usize::try_from(out.pos() - 2).map_err(|_| EINVAL)?;
        dir.volume().list(skip, |name, ino, mode| {
            let taken = name.is_empty() || out.emit(name, ino, ((mode & S_IFMT) >> 12) as u8);
            if taken {
                out.set_pos(out.pos() + 1);
            }
            taken
        })
    }

    fn fsync(_dir: &Inode, _data_only: bool, _wait: &NoFolio) -> Result {
        Ok(())
    }
}

impl Attr<AopRetry> for Ops {
    fn refresh(_inode: &Inode, _wait: &NoFolio) -> Result {
        Ok(())
    }

    fn setattr(inode: &Inode, change: Change<'_>, wait: NoFolio) -> Result {
        if let Some(size) = change.size() {
            let node = inode.node()?;
            if size > inode.size() {
                inode.expand(size, wait)?;
            } else {
                inode.shrink(size, wait);
                node.content.cut(size);
            }
        }
        change.apply::<AopRetry>(&OneNode(inode));
        Ok(())
    }

    fn accessed(inode: &Inode, _wait: &NoFolio) -> Result {
        inode.touch_accessed()
    }
}

/// The tables for an inode of this mode.
pub(crate) fn tables(mode: u16, options: Options) -> Tables<AopRetry> {
    let one_by_one = options.no_readahead && mode & S_IFMT == S_IFREG;
    Tables::in_memory::<Ops, Ops>(!one_by_one)
}
