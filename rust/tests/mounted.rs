// SPDX-License-Identifier: GPL-2.0-only
//! KUnit tests with a file system that the kernel mounts for itself.
//!
//! Its inodes are a directory, number 1, and files; a number is all there is to a file.

use crate::vfs::{
    fs::{
        aops::{self, ReadFolio, WriteBegin, WriteTarget},
        attr::Attributes,
        context::{self, NewSuperBlock},
        dentry, file,
        file_system::FileSystem,
        folio::{LockedFolio, NoFolio, WriteFolio},
        icache::Iget,
        inode::Inode,
        inode_operations,
        inode_ref::InodeRef,
        registration::Registration,
        super_block::SuperBlock,
        super_operations,
        tables::{Content, Directory, Regular, Special, Symlink, Tables},
    },
    sync::{
        delayed_work::schedule,
        wait::{new_waitqueue, WaitQueue},
        workqueue::OwnedQueue,
    },
};
use core::ptr::{null, null_mut, NonNull};
use kernel::{
    bindings,
    error::from_err_ptr,
    new_delayed_work, new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Release},
        Arc, Mutex,
    },
    workqueue::{impl_has_delayed_work, DelayedWork, WorkItem},
};

const ROOT: u64 = 1;
/// A file whose `->write_begin` does as it should.
const GOOD: u64 = 2;
/// Returns the folio of `GOOD`.
const OTHER_INODE: u64 = 3;
/// Returns the folio behind the right one.
const OTHER_PLACE: u64 = 4;

struct TestFs;

#[vtable]
impl FileSystem for TestFs {
    const NAME: &'static CStr = c"vfs_kunit";
    const ON_DEVICE: bool = false;
    const MAGIC: u32 = 0x56465354;
    type Super = Arc<Kept>;
    type Inode = ();
}

/// A reference that a task of its own drops, when `->put_super` has run.
#[pin_data]
struct Kept {
    #[pin]
    inode: Mutex<Option<InodeRef<TestFs>>>,
    put_super: Atomic<bool>,
    dropped: Atomic<bool>,
    #[pin]
    wait: WaitQueue,
    #[pin]
    work: DelayedWork<Self>,
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Kept { self.work }
}

impl WorkItem for Kept {
    type Pointer = Arc<Kept>;

    fn run(this: Arc<Kept>) {
        this.wait.wait(|| this.put_super.load(Acquire));
        let inode = this.inode.lock().take();
        this.dropped.store(inode.is_some(), Release);
        drop(inode);
    }
}

#[vtable]
impl context::Operations<TestFs> for TestFs {
    type Options = ();
    type Super = TestFs;
    type Dentry = TestFs;

    fn new_super(
        _sb: &mut NewSuperBlock<'_, TestFs>,
        _options: (),
        _wait: &NoFolio,
    ) -> Result<Arc<Arc<Kept>>> {
        let kept = Arc::pin_init(
            pin_init!(Kept {
                inode <- new_mutex!(None, "vfs_kunit"),
                put_super: Atomic::new(false),
                dropped: Atomic::new(false),
                wait <- new_waitqueue!("vfs_kunit_kept"),
                work <- new_delayed_work!("vfs_kunit"),
            }),
            GFP_KERNEL,
        )?;
        Ok(Arc::new(kept, GFP_KERNEL)?)
    }

    fn fill_super(sb: &SuperBlock<TestFs>, wait: &NoFolio) -> Result<InodeRef<TestFs>> {
        iget(sb, ROOT, wait)
    }
}

#[vtable]
impl super_operations::Operations<TestFs> for TestFs {
    fn alloc_inode() -> impl PinInit<()> {
        pin_init::init_zeroed()
    }

    fn put_super(sb: &SuperBlock<TestFs>, _wait: &NoFolio) {
        sb.data().put_super.store(true, Release);
        sb.data().wait.wake_all();
    }
}

#[vtable]
impl dentry::Operations<TestFs> for TestFs {}

#[vtable]
impl inode_operations::Operations<TestFs> for TestFs {}

#[vtable]
impl file::Operations<TestFs> for TestFs {}

#[vtable]
impl aops::Operations<TestFs> for TestFs {
    type Write = ();
    type Waited = ();

    fn read_folio(_inode: &Inode<TestFs>, _folio: LockedFolio) -> ReadFolio<()> {
        ReadFolio::Err(EIO)
    }

    fn write_begin(
        inode: &Inode<TestFs>,
        pos: i64,
        len: usize,
        target: WriteTarget<'_, TestFs>,
        wait: NoFolio,
    ) -> WriteBegin<(), ()> {
        let got = match inode.ino() {
            OTHER_INODE => iget(inode.sb(), GOOD, &wait).and_then(|good| {
                let target = WriteTarget::internal(&good);
                target.folio(pos, len, wait).map_err(|(_, e)| e)
            }),
            OTHER_PLACE => target
                .folio(pos + PAGE_SIZE as i64, len, wait)
                .map_err(|(_, e)| e),
            _ => target.folio(pos, len, wait).map_err(|(_, e)| e),
        };
        match got {
            Ok(folio) => WriteBegin::Ready(folio, ()),
            Err(e) => WriteBegin::Err(e),
        }
    }

    fn write_end(
        _inode: &Inode<TestFs>,
        _pos: i64,
        _len: usize,
        copied: usize,
        _folio: WriteFolio,
        _context: (),
    ) -> Result<usize> {
        Ok(copied)
    }
}

const TABLES: Tables<TestFs> = Tables {
    directory: Directory::new::<TestFs, TestFs>(),
    regular: Regular::new::<TestFs, TestFs>(),
    symlink: Symlink::new::<TestFs>(),
    special: Special::new::<TestFs>(),
    content: Content::in_memory::<TestFs>(),
};

fn iget(sb: &SuperBlock<TestFs>, ino: u64, wait: &NoFolio) -> Result<InodeRef<TestFs>> {
    let new = match sb.iget(ino, wait)? {
        Iget::Cached(inode) => return Ok(inode),
        Iget::New(new) => new,
    };
    let kind = match ino {
        ROOT => bindings::S_IFDIR,
        _ => bindings::S_IFREG,
    };
    let a = Attributes {
        mode: kind as u16 | 0o700,
        nlink: 1,
        ..Attributes::default()
    };
    Ok(new.finish(&a, 0, 0, &TABLES))
}

/// A mount of the kernel's own. Dropping it unmounts, which waits for inodes.
struct Mount {
    raw: NonNull<bindings::vfsmount>,
    _registration: Pin<KBox<Registration<TestFs>>>,
}

impl Mount {
    fn new() -> Result<Self> {
        let module = &<crate::LocalModule as kernel::ModuleMetadata>::THIS_MODULE;
        let registration = KBox::try_pin_init(Registration::new::<TestFs>(module), GFP_KERNEL)?;
        // SAFETY: The type is registered, and stays so until after `kern_unmount`.
        let raw = unsafe { bindings::kern_mount(registration.as_raw()) };
        Ok(Self {
            raw: NonNull::new(from_err_ptr(raw)?).ok_or(ENOMEM)?,
            _registration: registration,
        })
    }

    fn sb(&self) -> &SuperBlock<TestFs> {
        // SAFETY: The mount keeps its superblock.
        unsafe { SuperBlock::from_raw(self.raw.as_ref().mnt_sb) }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // SAFETY: It was mounted by `kern_mount`, and is unmounted once.
        unsafe { bindings::kern_unmount(self.raw.as_ptr()) };
    }
}

/// For this task.
fn no_folio() -> NoFolio {
    // SAFETY: A test holds no folio lock.
    unsafe { NoFolio::at_entry() }
}

/// What `->write_begin` for 16 bytes at 0 of that file returns. If it is 0, `->write_end` follows.
fn write_begin(sb: &SuperBlock<TestFs>, ino: u64) -> Result<c_int> {
    let inode = iget(sb, ino, &no_folio())?;
    let mapping = inode.mapping().as_ptr();
    let (mut folio, mut data) = (null_mut(), null_mut());
    // SAFETY: The mapping is the inode's, and its operations are these. This is how the VFS calls
    // them, but for the inode lock, which nobody else wants.
    unsafe {
        let ops = &*(*mapping).a_ops;
        let begin = ops.write_begin.ok_or(EINVAL)?;
        let end = ops.write_end.ok_or(EINVAL)?;
        let ret = begin(null(), mapping, 0, 16, &mut folio, &mut data);
        if ret == 0 {
            assert_eq!(end(null(), mapping, 0, 16, 16, folio, data), 16);
        }
        Ok(ret)
    }
}

#[kunit_tests(ocfs2_glue_vfs_mounted)]
mod cases {
    use super::*;

    /// A reference to an inode can be kept by any task. The superblock waits for it, and isn't
    /// freed beneath it.
    #[test]
    fn unmount_waits_for_inodes() -> Result {
        let mount = Mount::new()?;
        let kept = Arc::clone(mount.sb().data());
        *kept.inode.lock() = Some(iget(mount.sb(), GOOD, &no_folio())?);
        let queue = OwnedQueue::new(c"vfs_kunit", 0)?;
        schedule(&queue, kept.clone(), 0);
        drop(mount);
        assert!(kept.dropped.load(Acquire));
        Ok(())
    }

    /// The VFS would copy to any folio that `->write_begin` returns.
    #[test]
    fn write_begin_returns_its_own_folio() -> Result {
        let mount = Mount::new()?;
        assert_eq!(write_begin(mount.sb(), GOOD)?, 0);
        assert_eq!(write_begin(mount.sb(), OTHER_INODE)?, EIO.to_errno());
        assert_eq!(write_begin(mount.sb(), OTHER_PLACE)?, EIO.to_errno());
        // The wrong ones weren't kept locked.
        assert_eq!(write_begin(mount.sb(), GOOD)?, 0);
        Ok(())
    }

    /// User space gets the errors of the kernel's own for what a file system doesn't implement.
    #[test]
    fn tables_have_what_is_implemented() {
        let (inode, file) = TABLES.of(bindings::S_IFDIR as u16);
        assert!(inode.lookup.is_none() && inode.create.is_none() && inode.setattr.is_none());
        assert!(file.iterate_shared.is_none() && file.fsync.is_none() && file.read.is_none());
        let mapping = TABLES.mapping();
        assert!(mapping.read_folio.is_some() && mapping.write_begin.is_some());
        assert!(mapping.readahead.is_none() && mapping.bmap.is_none());
        assert!(mapping.migrate_folio.is_some() && mapping.error_remove_folio.is_some());
    }
}
