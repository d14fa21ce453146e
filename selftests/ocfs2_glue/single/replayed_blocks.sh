# SPDX-License-Identifier: GPL-2.0-only
# A journal that was left by a crash, with one field wrong in its copy of a block
# that a mount reads: what is believed is what the replay has put in place, so the
# mount is refused, or the write that meets it.
needs_glue "the in-tree driver believes some of it"
no_fsck
corrupt() { /usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" "$@"; }
volume_make 64
volume_mount 1
io 1 write-pattern file 1 0 300
on 1 'sync'
cp --sparse=always "$VOLUME_IMAGE" "$TEST_LOG.crash"
volume_umount 1

# forged [WHAT FIELD VALUE]: mounts what the crash has left, and writes.
forged() {
	local offset
	cp --sparse=always "$TEST_LOG.crash" "$VOLUME_IMAGE"
	[ $# -eq 0 ] || corrupt journaled "$@" || fail "$*: can't be forged"
	sync "$VOLUME_IMAGE"
	offset=$(dmesg_size 1)
	if volume_mount 1; then
		out=$(on 1 'cd /mnt/vol; LC_ALL=C stat -f -c %f . && $GLUE_IO write-pattern new 1 0 300 && sync' 2>&1) && status=0 || status=$?
		volume_umount 1
	else
		status=1
	fi
	dmesg_since 1 "$offset" >"$TEST_LOG.said"
	grep -a 'replaying the journal' "$TEST_LOG.said" || fail "$*: nothing was replayed"
	return "$status"
}
forged || fail "what the crash has left can't be used"
for field in 'i_total 5' 'i_used 0xffffff' 'cl_cpg 0' 'cl_next_free_rec 0xffff' 'c_blkno 5' 'i_flags 1' 'i_mode 0'; do
	# shellcheck disable=SC2086
	! forged //global_bitmap $field || fail "global_bitmap: $field was believed"
	grep -aE 'block [0-9]+: bad ' "$TEST_LOG.said" || fail "global_bitmap: $field: no line in dmesg"
done
for field in 'i_size 5' 'i_flags 0' 'i_mode 0o100644'; do
	# shellcheck disable=SC2086
	! forged / $field || fail "the root directory: $field was believed"
	grep -aE 'block [0-9]+: bad ' "$TEST_LOG.said" || fail "the root directory: $field: no line in dmesg"
done
rm "$TEST_LOG.crash" "$TEST_LOG.said"
