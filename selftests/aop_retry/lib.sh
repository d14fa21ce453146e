# SPDX-License-Identifier: GPL-2.0-only
# What the tests here have beside lib/test.sh. Sourced by each of them.
#
# A test says at its top which patch of the series it proves, by its subject:
# it fails on the kernel without that patch, and passes with it and all before
# it. It is made of steps; each is a line of TAP. A step is a script for the
# guest, with what it must print in between, on lines that begin with "-> ":
#
#	step "read(2)" <<'END'
#	arm read_folio retry 2
#	io read file 0 4096 1
#	-> read=4096 position=4096
#	took read_folio.retry
#	-> read_folio.retry=2
#	END
#
# The functions that the scripts call are in guest_functions. Operations are
# made to ask for retries by aop_retry, the file system whose triggers do it, or
# by the module aop_probe, on any file system.

AOP_KO=${AOP_KO:-$TARGET/module/right/aop_retry.ko}
PROBE_KO=${PROBE_KO:-$TARGET/module/right/selftests/aop_retry/probe/aop_probe.ko}
STEPS=0
AT_END=
# There is no OCFS2 volume here to be checked.
no_fsck

test_end() {
	[ -z "$AT_END" ] || on 1 "$AT_END" 60 >/dev/null 2>&1
	echo "1..$STEPS"
}
trap test_end EXIT
echo "TAP version 13"

# Triggers for a step: whatever a writer or reader only needs patience for.
# shellcheck disable=SC2034
PATIENCE='
arm readahead short=0 random 300 1
arm read_folio retry random 300 2
arm read_folio drop random 200 3
arm write_begin retry random 300 4
arm write_begin drop random 100 5
arm write_end retry random 200 6
arm write_end drop random 100 7
arm write_end short=1000 random 200 8'

# In the guest: the modules and the tracepoints, if they aren't there.
guest_ready() {
	local module
	on 1 "grep -q ' /sys/kernel/tracing ' /proc/mounts || busybox mount -t tracefs tracefs /sys/kernel/tracing
		busybox mkdir -p /mnt/vol"
	for module in "$AOP_KO" "$PROBE_KO"; do
		on 1 "grep -q '^$(basename "$module" .ko) ' /proc/modules || insmod $module" ||
			fail "$(basename "$module") can't be loaded"
	done
}

# expect_warning PATTERN: the kernel may warn of this, though it has before, and once
# only; `said 1 "$warning"` demands that it did.
expect_warning() {
	warning=$1
	expect_dmesg "$1"
	on 1 'echo 1 >/sys/kernel/debug/clear_warn_once'
}

# aop_mount [OPTIONS]: a new aop_retry at /mnt/vol.
aop_mount() {
	guest_ready
	on 1 "busybox mount -t aop_retry ${1:+-o $1} none /mnt/vol" || fail "aop_retry can't be mounted"
}

# fs_mount TYPE [OPTIONS]: what fs_make made, at /mnt/vol.
fs_mount() {
	guest_ready
	on 1 "vol_mount $1 $VOLUME_DEVICE ${2:-}" || fail "$1 can't be mounted"
}

# needs_program NAME
needs_program() { command -v "$1" >/dev/null || skip "$1 is not installed"; }

# fs_make TYPE [ARGUMENT...]: a new file system on guest 1's own disk.
fs_make() {
	local type=$1 out
	shift
	volume_own 1
	case $type in
	affs) out=$(/usr/bin/python3 "$REPO/selftests/aop_retry/mkaffs.py" "$VOLUME_IMAGE" "$@" 2>&1) ;;
	ext4) out=$(mke2fs -q -F -t ext4 "$@" "$VOLUME_IMAGE" 2>&1) ;;
	f2fs) needs_program mkfs.f2fs && out=$(mkfs.f2fs -f -q "$@" "$VOLUME_IMAGE" 2>&1) ;;
	minix) out=$(mkfs.minix -3 "$@" "$VOLUME_IMAGE" 2>&1) ;;
	ocfs2) out=$(volume_make 64 "$@" 2>&1) ;;
	*) needs_program "mkfs.$type" && out=$("mkfs.$type" "$@" "$VOLUME_IMAGE" 2>&1) ;;
	esac || fail "no $type: $out"
	sync "$VOLUME_IMAGE"
}

# fs_check TYPE: unmounts it, and its own checker must find nothing.
fs_check() {
	local out
	volume_umount 1
	case $1 in
	ext4) out=$(e2fsck -fn "$VOLUME_IMAGE" 2>&1) ;;
	f2fs) out=$(fsck.f2fs --dry-run "$VOLUME_IMAGE" 2>&1) ;;
	minix) out=$(fsck.minix -f "$VOLUME_IMAGE" 2>&1) ;;
	ocfs2) out=$(volume_check 2>&1) ;;
	*) out=$("fsck.$1" -n "$VOLUME_IMAGE" 2>&1) ;;
	esac || fail "$1 is damaged: $out"
}

# step WHAT [LIMIT] <SCRIPT
step() {
	local what=$1 limit=${2:-30} text have want status=0
	text=$(cat)
	want=$(sed -n 's/^-> //p' <<<"$text")
	have=$(on 1 ". $REPO/selftests/aop_retry/guest_functions
		begin
		$(grep -v '^-> ' <<<"$text")
		off" "$limit") || status=$?
	STEPS=$((STEPS + 1))
	if [ "$status" -eq 0 ] && [ "$want" = "$have" ]; then
		echo "ok $STEPS - $what"
		return 0
	fi
	echo "not ok $STEPS - $what"
	diff -u --label wanted --label got <(printf '%s\n' "$want") <(printf '%s\n' "$have") || :
	[ "$status" -eq 0 ] || fail "$what: exit $status"
	fail "$what: not what was wanted"
}

# read_dies WHAT COMMAND: COMMAND of glue-io, which reads 8192 bytes of file, would
# be retried for ever, and dies of SIGKILL; afterwards the file can be read.
read_dies() {
	step "$1" 60 <<-END
	fresh file 8192 1
	arm readahead short=0 always
	arm read_folio retry always
	dies read_folio.retry $2
	-> read_folio.retry: exit 137
	arm off
	io read file 0 8192 1
	-> read=8192 position=8192
	END
}
