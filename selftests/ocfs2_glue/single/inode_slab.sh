# SPDX-License-Identifier: GPL-2.0-only
# The slab cache for inodes counts as memory that reclaim can free.
needs_glue "its own slab cache"
same 1 "$(on 1 'cat /sys/kernel/slab/ocfs2_glue/reclaim_account')" "reclaim_account"
