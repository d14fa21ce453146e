// SPDX-License-Identifier: GPL-2.0-only
//! What the mount options have set, and how `/proc/mounts` shows it.

use kernel::{seq_file::SeqFile, seq_print};

/// How the heartbeat of this node was started, as mount.ocfs2(8) says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heartbeat {
    /// Not at all: a local volume, or a stack that has its own.
    None,
    /// On this volume.
    Local,
    /// On devices of its own.
    Global,
}

/// What is in force on a mounted volume.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) heartbeat: Heartbeat,
    /// `commit`: how often the journal commits, in seconds; 0 for jbd2's own interval.
    pub(crate) commit_s: u32,
    /// `localflocks`: flock(2) doesn't reach other nodes.
    pub(crate) local_flocks: bool,
    /// `user_xattr`: attributes whose names begin with `user.` are shown.
    pub(crate) user_xattr: bool,
    /// `acl`: POSIX ACLs decide about access.
    pub(crate) acl: bool,
    /// `atime_quantum`: how old the time of access has to be before a read changes it, in seconds.
    pub(crate) atime_quantum_s: u32,
    /// `slice_ms`: how long a cluster lock is kept although another node asks, in milliseconds.
    pub(crate) slice_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Heartbeat::None,
            commit_s: 0,
            local_flocks: false,
            user_xattr: true,
            acl: true,
            // OCFS2_DEFAULT_ATIME_QUANTUM of srctree/fs/ocfs2/ocfs2.h
            atime_quantum_s: 60,
            slice_ms: 10,
        }
    }
}

impl Settings {
    /// For `->show_options`. A mount with what this writes is a mount like this one.
    pub(crate) fn show(&self, out: &SeqFile) {
        match self.heartbeat {
            Heartbeat::None => seq_print!(out, ",heartbeat=none"),
            Heartbeat::Local => seq_print!(out, ",_netdev,heartbeat=local"),
            Heartbeat::Global => seq_print!(out, ",_netdev,heartbeat=global"),
        }
        seq_print!(
            out,
            ",data=ordered,errors=remount-ro,coherency=full,inode64"
        );
        if self.commit_s != 0 {
            seq_print!(out, ",commit={}", self.commit_s);
        }
        if self.local_flocks {
            seq_print!(out, ",localflocks");
        }
        seq_print!(
            out,
            ",{}",
            if self.user_xattr {
                "user_xattr"
            } else {
                "nouser_xattr"
            }
        );
        seq_print!(out, ",{}", if self.acl { "acl" } else { "noacl" });
        seq_print!(out, ",atime_quantum={}", self.atime_quantum_s);
        seq_print!(out, ",slice_ms={}", self.slice_ms);
    }
}
