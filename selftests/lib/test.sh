# SPDX-License-Identifier: GPL-2.0-only
# What a test can say. A test is a file in selftests/ocfs2_glue/single, pair or
# badinput; it runs on the host, in a shell of its own with `set -eE`, beside
# guests that are up already, and ends with kselftest's exit codes: 0 passed,
# 1 failed, 4 skipped. Whatever it leaves mounted is unmounted; fsck.ocfs2 and
# the look at the kernels' messages come after each one by themselves.

# Said to the log, wherever standard output goes.
fail() {
	printf 'FAIL: %s\n' "$*" >>"$TEST_LOG"
	exit 1
}

skip() {
	printf 'SKIP: %s\n' "$*"
	exit 4
}

# same WANT HAVE WHAT
same() { [ "$1" = "$2" ] || fail "$3: wanted '$1', got '$2'"; }

# matches PATTERN TEXT WHAT
matches() { grep -qE "$1" <<<"$2" || fail "$3: wanted /$1/, got '$2'"; }

# The kernel may say this, and only this, of what otherwise fails a test.
expect_dmesg() { printf '%s\n' "$1" >"$TEST_LOG.expected"; }

# said N PATTERN: guest N's kernel has said so since the test began.
said() {
	dmesg_since "$1" "$(cat "$TEST_LOG.offset.$1")" | grep -aE "$2" ||
		fail "guest $1's kernel said nothing like /$2/"
}

# The test leaves a volume that fsck.ocfs2 can't be asked about.
no_fsck() { : >"$TEST_LOG.no_fsck"; }

# The test kills a guest: nobody uses either of them afterwards, so it unmounts by
# itself. Until a node is declared dead, after 60 s if it isn't seen to boot again,
# the kernel's o2net waits for its answers, uninterruptibly.
guests_spent() {
	local n
	: >"$TEST_LOG.spent"
	for n in $GUESTS; do
		on "$n" 'echo 120 >/proc/sys/kernel/hung_task_timeout_secs'
	done
}

# What only our own file system does; pointless with FS=ocfs2.
needs_glue() { [ "$FS" = ocfs2_glue ] || skip "FS=$FS: $1"; }

# io N ARGUMENT...: glue-io in guest N, in /mnt/vol.
io() {
	local n=$1
	shift
	on "$n" "cd /mnt/vol && \$GLUE_IO $*" "${IO_LIMIT:-60}"
}

# remount N: what the guest had cached is gone.
remount() {
	volume_umount "$1"
	volume_mount "$1" "${2:-$FS}"
}

# until_true SECONDS COMMAND...: polls; for what another task has to do first.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "not in time: $*"
		sleep 0.2
	done
}
