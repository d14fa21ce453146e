// SPDX-License-Identifier: GPL-2.0-only
//! What is refused, and what is mounted read-only.

use super::options::Options;
use crate::{
    ondisk::{base::features::Features, volume::superblock},
    volume::settings::{Heartbeat, Settings},
};
use kernel::prelude::*;

/// As the in-tree driver has it: a node that writes must be seen to live, and there is nobody to
/// see it on a local volume.
pub(super) fn check_heartbeat(
    cluster: &superblock::ClusterInfo,
    settings: &Settings,
    read_only: bool,
) -> Result {
    let local = matches!(cluster, superblock::ClusterInfo::Local);
    let beats = settings.heartbeat != Heartbeat::None;
    if local && beats {
        pr_err!("a local volume has no heartbeat\n");
        return Err(EINVAL);
    }
    if cluster.is_o2cb() && !beats && !read_only {
        pr_err!("a volume of o2cb is mounted with heartbeat=local or heartbeat=global\n");
        return Err(EINVAL);
    }
    Ok(())
}

/// Checks that the options name the stack of the volume.
pub(super) fn check_stack(cluster: &superblock::ClusterInfo, options: &Options) -> Result {
    const CLASSIC: &[u8] = b"o2cb";
    let used = match cluster {
        superblock::ClusterInfo::Local => CLASSIC,
        named => named.stack(),
    };
    match &options.stack {
        Some(given) if given != used => {
            pr_err!("mount option cluster_stack: the volume is used with another stack\n");
            Err(EINVAL)
        }
        _ => Ok(()),
    }
}

pub(super) fn warn_read_only(unwritable: &Features, missing: &Features) {
    if !unwritable.is_empty() {
        pr_warn!(
            "can't write volumes with {}: mounting read-only\n",
            unwritable
        );
    }
    if !missing.is_empty() {
        pr_warn!(
            "can't write volumes without {}: mounting read-only\n",
            missing
        );
    }
}
