// SPDX-License-Identifier: GPL-2.0-only
//! KUnit tests: the kernel-free parts, run where they are used, and what the kernel makes of them.
//!
//! The same code is tested far more thoroughly on the host (`selftests/host`). What this adds is
//! the kernel's compiler, flags and target. The tests are built in only for kernels with
//! `CONFIG_KUNIT=y`, and run when somebody writes to `kunit/ocfs2_glue/run` in debugfs, or at once
//! if KUnit runs all tests by itself.

use crate::{
    lockres::{
        DlmCall, Flushed, How, Kind, Level, Lvb, Machine, Membership, Mode, Outcome, Policy,
        Refusal, State, Task, Unexpected, Work,
    },
    meta::corrupt::count_line,
    ondisk::{
        base::{
            bytes::{put, put_u16, put_u32, put_u64},
            error::Corrupt,
            file_type::FileType,
            geometry::Geometry,
            store::Suballoc,
        },
        dlm::{
            lock_name::LockName,
            lvb::{self, MetaLvb},
        },
        inode::{
            dinode::{Body, Dinode, Time},
            edit as dinode_edit,
            edit::NewInode,
        },
        volume::superblock::{self, ClusterInfo, Rejected},
    },
};
use kernel::prelude::*;

const KIND: Kind = Kind {
    lvb: true,
    refresh: true,
};
const POLICY: Policy = Policy {
    slice_ns: 0,
    idle_ns: 0,
    ticket_ns: 100,
};
const COMPLETE: Membership = Membership::Complete;
const READER: Task = Task(1);
const OTHER: Task = Task(2);

/// A machine that was just granted PR for [`READER`], who has refreshed; and its hold, left as a
/// ticket or given back.
fn granted_pr(ticket: bool) -> Result<Machine, Unexpected> {
    let wrong = Unexpected {
        event: "granted_pr",
    };
    let mut m = Machine::new(KIND, POLICY);
    let step = m.acquire(Mode::Pr, How::Wait, READER, COMPLETE, 0);
    let (
        Outcome::Wait(waiter),
        Some(DlmCall::Lock {
            level: Level::Pr,
            convert: false,
            ..
        }),
    ) = (step.value, step.call)
    else {
        return Err(wrong);
    };
    let _ = m.returned(Ok(()), 0)?;
    let _ = m.ast(Ok(()), 0)?;
    let Outcome::Granted(mut hold) = m.poll(waiter, COMPLETE, 0).value else {
        return Err(wrong);
    };
    let _ = m.refreshed(&mut hold, true, 0)?;
    let _ = if ticket {
        m.leave_ticket(hold, 0)?
    } else {
        m.release(hold, 0)?
    };
    Ok(m)
}

/// Block 2 of a local volume: blocks of 512 bytes, clusters of 4096, 1024 of them.
fn super_block() -> Result<KVec<u8>> {
    let mut b = KVec::from_elem(0u8, 512, GFP_KERNEL)?;
    // Offsets: struct ocfs2_dinode, and struct ocfs2_super_block at 0xc0 of it.
    let all = [
        put(&mut *b, 0x00, b"OCFSV2"),
        put_u32(&mut *b, 0x14, 1024),
        put_u64(&mut *b, 0x50, 2),
        put_u32(&mut *b, 0x60, 0x1234),
        put_u16(&mut *b, 0xc0 + 0x02, 90),
        put_u32(&mut *b, 0xc0 + 0x20, LOCAL),
        put_u64(&mut *b, 0xc0 + 0x28, 5),
        put_u64(&mut *b, 0xc0 + 0x30, 6),
        put_u32(&mut *b, 0xc0 + 0x38, 9),
        put_u32(&mut *b, 0xc0 + 0x3c, 12),
        put_u16(&mut *b, 0xc0 + 0x40, 4),
        put_u64(&mut *b, 0xc0 + 0x48, 8),
        put(&mut *b, 0xc0 + 0x90, b"0123456789abcdef"),
    ];
    all.iter().all(Option::is_some).then_some(b).ok_or(EINVAL)
}

/// `OCFS2_FEATURE_INCOMPAT_LOCAL_MOUNT`
const LOCAL: u32 = 0x8;

fn new_file() -> NewInode {
    NewInode {
        suballoc: Suballoc {
            blkno: 100,
            slot: 0,
            bit: 3,
            loc: 0,
        },
        generation: 77,
        mode: 0o100644,
        links: 1,
        uid: 1000,
        gid: 100,
        attr: 0,
        time: Time { sec: 1, nsec: 2 },
        rdev: 0,
    }
}

/// A volume of 4K blocks and clusters, and the block of a file that was just made on it.
fn dinode() -> Result<(Geometry, KVec<u8>)> {
    let geo = Geometry::new(12, 12, 1024).ok_or(EINVAL)?;
    let mut b = KVec::from_elem(0u8, geo.block_size(), GFP_KERNEL)?;
    dinode_edit::init(&mut *b, &geo, &new_file());
    Ok((geo, b))
}

#[kunit_tests(ocfs2_glue)]
mod cases {
    use super::*;

    #[test]
    fn a_lock_is_granted_asked_for_and_given_up() -> Result<(), Unexpected> {
        let mut m = granted_pr(false)?;
        assert_eq!(m.state(), State::Held { level: Level::Pr });
        assert_eq!(m.generation(), 1);
        assert_eq!(m.bast(Mode::Ex, 1).work, Some(0));
        assert_eq!(
            m.acquire(Mode::Pr, How::Try, READER, COMPLETE, 1).value,
            Outcome::WouldBlock
        );
        assert_eq!(
            m.work(COMPLETE, 1).value,
            Work::Flush {
                from: Level::Pr,
                to: Level::Nl
            }
        );
        let step = m.flushed(Flushed::Done, 2)?;
        let down = DlmCall::Lock {
            level: Level::Nl,
            convert: true,
            noqueue: false,
            lvb: Lvb::Leave,
        };
        assert_eq!(step.call, Some(down));
        let _ = m.returned(Ok(()), 3)?;
        let _ = m.ast(Ok(()), 4)?;
        assert_eq!(m.state(), State::Held { level: Level::Nl });
        assert!(!m.is_blocking());
        Ok(())
    }

    #[test]
    fn a_try_never_calls_the_dlm() {
        let mut m = Machine::new(KIND, POLICY);
        let step = m.acquire(Mode::Pr, How::Try, READER, COMPLETE, 0);
        assert_eq!(step.value, Outcome::WouldBlock);
        assert_eq!(step.call, None);
        assert_eq!(m.state(), State::Unlocked);
    }

    #[test]
    fn a_ticket_is_for_the_task_that_left_it() -> Result<(), Unexpected> {
        let mut m = granted_pr(true)?;
        assert_eq!(m.bast(Mode::Ex, 10).work, Some(90));
        assert_eq!(m.work(COMPLETE, 10).value, Work::Nothing);
        assert_eq!(
            m.acquire(Mode::Pr, How::Try, OTHER, COMPLETE, 20).value,
            Outcome::WouldBlock
        );
        let again = m.acquire(Mode::Pr, How::Try, READER, COMPLETE, 20).value;
        assert!(matches!(again, Outcome::Granted(_)));
        assert_eq!(m.tickets(20), 0);
        Ok(())
    }

    #[test]
    fn a_refused_conversion_leaves_the_level() -> Result<(), Unexpected> {
        let mut m = granted_pr(false)?;
        let step = m.acquire(Mode::Ex, How::NoQueue, READER, COMPLETE, 1);
        let Outcome::Wait(waiter) = step.value else {
            return Err(Unexpected { event: "acquire" });
        };
        let _ = m.returned(Err(Refusal::Again), 2)?;
        assert_eq!(m.poll(waiter, COMPLETE, 3).value, Outcome::WouldBlock);
        assert_eq!(m.level(), Level::Pr);
        Ok(())
    }

    #[test]
    fn a_superblock_is_decoded() -> Result {
        let found = superblock::probe(&super_block()?);
        let Ok(Some(sb)) = found else {
            return Err(EUCLEAN);
        };
        assert_eq!(sb.cluster, ClusterInfo::Local);
        assert_eq!(sb.geometry.blocks(), 8192);
        assert_eq!(sb.geometry.fs_generation, 0x1234);
        assert_eq!(sb.uuid_string(), *b"30313233343536373839616263646566");
        Ok(())
    }

    #[test]
    fn a_bad_superblock_names_its_field() -> Result {
        let cases: [(usize, u32, &str); 5] = [
            (0xc0 + 0x38, 13, "ocfs2_super_block.s_blocksize_bits"),
            (0xc0 + 0x3c, 31, "ocfs2_super_block.s_clustersize_bits"),
            (0xc0 + 0x40, 0, "ocfs2_super_block.s_max_slots"),
            (0xc0 + 0x28, 8192, "ocfs2_super_block.s_root_blkno"),
            (0x14, 0, "ocfs2_dinode.i_clusters"),
        ];
        for (offset, value, field) in cases {
            let mut b = super_block()?;
            put_u32(&mut *b, offset, value).ok_or(EINVAL)?;
            let found = superblock::probe(&b);
            assert_eq!(found, Err(Rejected::Corrupt(Corrupt::new(2, field))));
        }
        Ok(())
    }

    #[test]
    fn other_signatures_and_features_are_told_apart() -> Result {
        let mut b = super_block()?;
        put(&mut *b, 0, b"OCFSV3").ok_or(EINVAL)?;
        assert_eq!(superblock::probe(&b), Ok(None));
        let mut b = super_block()?;
        put_u32(&mut *b, 0xc0 + 0x20, LOCAL | 1 << 31).ok_or(EINVAL)?;
        assert!(matches!(
            superblock::probe(&b),
            Err(Rejected::Unsupported(_))
        ));
        Ok(())
    }

    #[test]
    fn a_new_dinode_reads_back() -> Result {
        let (geo, b) = dinode()?;
        let d = Dinode::decode(&b, 100, &geo).map_err(|_| EUCLEAN)?;
        assert_eq!(d.file_type, FileType::Regular);
        assert_eq!((d.mode, d.links, d.uid, d.gid), (0o100644, 1, 1000, 100));
        assert_eq!(d.mtime, Time { sec: 1, nsec: 2 });
        assert!(d.body == Body::Extents);
        Ok(())
    }

    /// A flipped bit in what says where the block belongs, and a block that is in another place.
    #[test]
    fn a_bad_dinode_is_euclean() -> Result {
        let (geo, mut b) = dinode()?;
        assert!(Dinode::decode(&b, 101, &geo).is_err());
        put_u32(&mut *b, 0x60, 1).ok_or(EINVAL)?;
        let Err(corrupt) = Dinode::decode(&b, 100, &geo) else {
            return Err(EINVAL);
        };
        assert_eq!(corrupt, Corrupt::new(100, "ocfs2_dinode.i_fs_generation"));
        Ok(())
    }

    #[test]
    fn attributes_travel_in_the_value_block() -> Result {
        let (geo, b) = dinode()?;
        let attributes = MetaLvb::from(&Dinode::decode(&b, 100, &geo).map_err(|_| EUCLEAN)?);
        let value = attributes.encode();
        assert_eq!(MetaLvb::decode(&value, 77, &geo), Some(attributes));
        // Of an inode that was deleted and made anew, and of a node that couldn't write back.
        assert_eq!(MetaLvb::decode(&value, 78, &geo), None);
        assert_eq!(MetaLvb::decode(&lvb::untrusted(), 77, &geo), None);
        Ok(())
    }

    #[test]
    fn lock_names_are_those_of_the_protocol() {
        let meta = LockName::meta(0x1f);
        assert_eq!(meta.as_bytes(), b"M000000000000000000001f00000000");
        let rw = LockName::rw(0x1f, 0xabcd);
        assert_eq!(rw.as_bytes(), b"W000000000000000000001f0000abcd");
        let sb = LockName::super_block();
        assert_eq!(sb.as_bytes(), b"S000000000000000000000200000000");
    }

    /// A volume full of errors prints fifty lines, and the next fifty in the next five seconds.
    #[test]
    fn bad_blocks_dont_flood_the_log() {
        let mut word = 0;
        for window in [7, 8, 1 << 40] {
            let mut printed = 0;
            for _ in 0..1000 {
                let (next, may) = count_line(word, window);
                word = next;
                printed += u32::from(may);
            }
            assert_eq!(printed, 50);
        }
    }
}
