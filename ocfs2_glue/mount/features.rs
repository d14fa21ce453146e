// SPDX-License-Identifier: GPL-2.0-only
//! What is refused, and what is mounted read-only.

use super::options::Options;
use crate::ondisk::{base::features::Features, volume::superblock};
use kernel::prelude::*;

/// As the in-tree driver has it: a node that writes must be seen to live, and there is nobody to
/// see it on a local volume.
pub(super) fn check_heartbeat(
    cluster: &superblock::ClusterInfo,
    options: &Options,
    read_only: bool,
) -> Result {
    let local = matches!(cluster, superblock::ClusterInfo::Local);
    if local && options.heartbeat {
        pr_err!("a local volume has no heartbeat\n");
        return Err(EINVAL);
    }
    if cluster.is_o2cb() && !options.heartbeat && !read_only {
        pr_err!("a volume of o2cb is mounted with heartbeat=local or heartbeat=global\n");
        return Err(EINVAL);
    }
    Ok(())
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
