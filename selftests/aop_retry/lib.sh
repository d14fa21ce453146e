# SPDX-License-Identifier: GPL-2.0-only
# What the tests of aop_retry have beside lib/test.sh. Sourced by each of them.
#
# A test is made of steps. A step is a script for the guest, with what it must
# print in between, on lines that begin with "-> ":
#
#	step "read(2)" <<'END'
#	arm read_folio retry 2
#	io read file 0 4096 1
#	-> read=4096 position=4096
#	took read_folio.retry
#	-> read_folio.retry=2
#	END
#
# The functions that the scripts call are in guest_functions.

AOP_KO=${AOP_KO:-$TARGET/module/right/aop_retry.ko}
# There is no OCFS2 volume here to be checked.
no_fsck

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

# In the guest: the module if need be, a new file system at /mnt/vol.
aop_mount() {
	on 1 "grep -q '^aop_retry ' /proc/modules || insmod $AOP_KO || exit 1
		grep -q ' /sys/kernel/tracing ' /proc/mounts || busybox mount -t tracefs tracefs /sys/kernel/tracing
		busybox mkdir -p /mnt/vol && busybox mount -t aop_retry ${1:+-o $1} none /mnt/vol" ||
		fail "aop_retry can't be mounted"
}

# step WHAT [LIMIT] <SCRIPT
step() {
	local what=$1 limit=${2:-30} text have want
	text=$(cat)
	want=$(sed -n 's/^-> //p' <<<"$text")
	have=$(on 1 ". $REPO/selftests/aop_retry/guest_functions
		begin
		$(grep -v '^-> ' <<<"$text")
		arm off" "$limit") || { printf '%s\n' "$have"; fail "$what: exit $?"; }
	[ "$want" = "$have" ] && return 0
	diff -u --label wanted --label got <(printf '%s\n' "$want") <(printf '%s\n' "$have") || :
	fail "$what: not what was wanted"
}
