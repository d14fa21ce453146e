# SPDX-License-Identifier: GPL-2.0-only
# The in-tree ocfs2, and a power cut while a file is open that has no name any more:
# the next mount deletes it.
#
# Proves: ocfs2: accept orphaned inodes without links
. "$REPO/selftests/aop_retry/lib.sh"
# Names in the orphan directory of the only slot.
orphans() {
	debugfs.ocfs2 -R 'ls //orphan_dir:0000' "$VOLUME_IMAGE" | awk 'NF && $NF !~ /^\.\.?$/ { print $NF }'
}
fs_make ocfs2
fs_mount ocfs2
step "open, without a name" <<'END'
io write gone 0 2000000 1
-> wrote=2000000 position=2000000
/bin/busybox sleep 1000 <gone >/dev/null 2>&1 &
echo $! >/tmp/aop.holder
busybox rm gone
busybox sync
END
cp --sparse=always "$VOLUME_IMAGE" "$TEST_LOG.crash"
on 1 'kill "$(cat /tmp/aop.holder)"; while kill -0 "$(cat /tmp/aop.holder)" 2>/dev/null; do busybox sleep 0.1; done'
volume_umount 1
cp --sparse=always "$TEST_LOG.crash" "$VOLUME_IMAGE"
rm "$TEST_LOG.crash"
sync "$VOLUME_IMAGE"
fs_mount ocfs2
volume_umount 1
same "" "$(orphans)" "orphans after the next mount"
fs_check ocfs2
