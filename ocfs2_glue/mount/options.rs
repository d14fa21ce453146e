// SPDX-License-Identifier: GPL-2.0-only
//! Mount options: those of mount.ocfs2(8) and of the in-tree driver, and `slice_ms`, our own.
//!
//! Each one is honoured; or taken, with a line in the log that says why it changes nothing here; or
//! refused by name. docs/features.md has the table.

use crate::{
    vfs::fs::context::{number, Param},
    volume::settings::{Heartbeat, Settings},
};
use kernel::prelude::*;

/// Longest `slice_ms`.
const MAX_SLICE_MS: u32 = 10_000;
/// Longest `commit`, in seconds: a day.
const MAX_COMMIT_S: u32 = 86_400;
/// `OCFS2_MAX_RESV_LEVEL` of `srctree/fs/ocfs2/reservations.h`, less one.
const MAX_RESV_LEVEL: u32 = 8;
/// `OCFS2_STACK_LABEL_LEN`
const STACK_LABEL: usize = 4;

/// Mount options as they were given; `None` for one that wasn't.
#[derive(Default)]
pub(crate) struct Options {
    heartbeat: Option<Heartbeat>,
    commit_s: Option<u32>,
    local_flocks: Option<bool>,
    user_xattr: Option<bool>,
    acl: Option<bool>,
    atime_quantum_s: Option<u32>,
    slice_ms: Option<u32>,
    /// `cluster_stack`, which must be the volume's own.
    pub(super) stack: Option<[u8; STACK_LABEL]>,
}

impl Options {
    /// Takes one option.
    pub(crate) fn parse(&mut self, key: &[u8], value: Option<&[u8]>) -> Param {
        let number = |max| value.and_then(|v| number(v, max));
        match (key, value) {
            (b"heartbeat", Some(b"none")) => self.heartbeat = Some(Heartbeat::None),
            (b"heartbeat", Some(b"local")) => self.heartbeat = Some(Heartbeat::Local),
            (b"heartbeat", Some(b"global")) => self.heartbeat = Some(Heartbeat::Global),
            (b"cluster_stack", Some(name)) => match name.try_into() {
                Ok(label) => self.stack = Some(label),
                Err(_) => return Param::BadValue,
            },
            (b"commit", Some(_)) => match number(MAX_COMMIT_S) {
                Some(seconds) => self.commit_s = Some(seconds),
                None => return Param::BadValue,
            },
            (b"atime_quantum", Some(_)) => match number(u32::MAX) {
                Some(seconds) => self.atime_quantum_s = Some(seconds),
                None => return Param::BadValue,
            },
            (b"slice_ms", Some(_)) => match number(MAX_SLICE_MS) {
                Some(ms) => self.slice_ms = Some(ms),
                None => return Param::BadValue,
            },
            (b"localflocks", None) => self.local_flocks = Some(true),
            (b"user_xattr", None) => self.user_xattr = Some(true),
            (b"nouser_xattr", None) => self.user_xattr = Some(false),
            (b"acl", None) => self.acl = Some(true),
            (b"noacl", None) => self.acl = Some(false),
            // What is so in any case.
            (b"data", Some(b"ordered"))
            | (b"errors", Some(b"remount-ro"))
            | (b"coherency", Some(b"full"))
            | (b"barrier", Some(b"1"))
            | (b"inode64" | b"_netdev", None) => {}
            _ => return without_effect(key, value).unwrap_or_else(|| refused(key, value)),
        }
        Param::Taken
    }

    /// What a mount with these options has in force.
    pub(crate) fn settings(&self) -> Settings {
        let default = Settings::default();
        self.over(&default)
    }

    /// `now` with what was given in its place.
    fn over(&self, now: &Settings) -> Settings {
        Settings {
            heartbeat: self.heartbeat.unwrap_or(now.heartbeat),
            commit_s: self.commit_s.unwrap_or(now.commit_s),
            local_flocks: self.local_flocks.unwrap_or(now.local_flocks),
            user_xattr: self.user_xattr.unwrap_or(now.user_xattr),
            acl: self.acl.unwrap_or(now.acl),
            atime_quantum_s: self.atime_quantum_s.unwrap_or(now.atime_quantum_s),
            slice_ms: self.slice_ms.unwrap_or(now.slice_ms),
        }
    }

    /// Checks that a remount leaves everything as it is. mount(8) repeats all options on a remount,
    /// so only those that differ are refused.
    ///
    /// # Errors
    ///
    /// `EINVAL`, with a line that names the option.
    pub(crate) fn check_remount(&self, now: &Settings) -> Result {
        let wanted = self.over(now);
        let changed = [
            ("heartbeat", wanted.heartbeat != now.heartbeat),
            ("commit", wanted.commit_s != now.commit_s),
            ("localflocks", wanted.local_flocks != now.local_flocks),
            ("user_xattr", wanted.user_xattr != now.user_xattr),
            ("acl", wanted.acl != now.acl),
            (
                "atime_quantum",
                wanted.atime_quantum_s != now.atime_quantum_s,
            ),
            ("slice_ms", wanted.slice_ms != now.slice_ms),
        ];
        match changed.iter().find(|(_, differs)| *differs) {
            None => Ok(()),
            Some((name, _)) => {
                pr_err!("mount option {name}: can't be changed by a remount\n");
                Err(EINVAL)
            }
        }
    }
}

/// Options that are taken and change nothing here, with the line that says so.
fn without_effect(key: &[u8], value: Option<&[u8]>) -> Option<Param> {
    let any_number = value.and_then(|v| number(v, u32::MAX)).is_some();
    let why = match (key, value) {
        (b"data", Some(b"writeback")) => "data is written before the metadata all the same",
        (b"errors", Some(b"continue")) => {
            "after an aborted journal nothing is written all the same"
        }
        (b"coherency", Some(b"buffered")) => "other nodes see every write all the same",
        (b"barrier", Some(b"0")) => "the device's cache is flushed all the same",
        (b"intr" | b"nointr", None) => "waits end when the task is killed, and by no other signal",
        (b"preferred_slot", Some(_)) if any_number => "the slot map decides",
        (b"localalloc", Some(v)) if is_signed(v) => "the size of the window isn't chosen by hand",
        (b"resv_level" | b"dir_resv_level", Some(v)) if number(v, MAX_RESV_LEVEL).is_some() => {
            "there are no levels of reservation"
        }
        (b"journal_async_commit", None) => "commits are in order all the same",
        _ => return None,
    };
    Some(Param::NoEffect(why))
}

/// Whether this is a number with or without a sign.
fn is_signed(v: &[u8]) -> bool {
    number(v.strip_prefix(b"-").unwrap_or(v), i32::MAX as u32).is_some()
}

/// Options that can't be kept, and those that nobody knows.
fn refused(key: &[u8], value: Option<&[u8]>) -> Param {
    match (key, value) {
        (b"usrquota" | b"grpquota", None) => Param::Refused("quotas aren't kept"),
        (b"nocluster", None) => Param::Refused("a shared volume is mounted with its cluster only"),
        (b"errors", Some(b"panic")) => Param::Refused("errors don't stop the machine"),
        (
            b"heartbeat"
            | b"cluster_stack"
            | b"commit"
            | b"slice_ms"
            | b"localflocks"
            | b"user_xattr"
            | b"nouser_xattr"
            | b"acl"
            | b"noacl"
            | b"data"
            | b"errors"
            | b"coherency"
            | b"barrier"
            | b"inode64"
            | b"intr"
            | b"nointr"
            | b"atime_quantum"
            | b"preferred_slot"
            | b"localalloc"
            | b"resv_level"
            | b"dir_resv_level"
            | b"journal_async_commit"
            | b"usrquota"
            | b"grpquota"
            | b"nocluster",
            _,
        ) => Param::BadValue,
        _ => Param::Unknown,
    }
}
