# SPDX-License-Identifier: GPL-2.0-only
# Memory runs out at each allocation of writes, and of what else makes files longer.
# What was written is there after a remount, and nothing else is.
. "$REPO/selftests/lib/inject.sh"
volume_make 64
volume_mount 1 ocfs2
on 1 ': >/mnt/vol/probe'
prepare files inline 30 0:100
prepare files expand 40 0:100
prepare files longer 30 0:100
prepare files gap 40 0:100
prepare files truncate 30 0:5000
prepare files append 0 0:4096
prepare files holes 0 0:4096:8192:40
prepare files unwritten 0 0:163840 unwritten
prepare files sync 0 0:4096
remount 1
declare -A LAST
for operation in "write inline 50:100" "write expand 50:6000" "write gap 9000:100" \
	"write append 4096:4096:4096" "write holes 4096:4096:8192" "write unwritten 0:4096:4096" \
	"truncate truncate 50000" "truncate longer 60000" "fsync sync 4096:4096:4096"; do
	# shellcheck disable=SC2086
	memory $operation
	operation=${operation#* }
	LAST[${operation% *}]=$INJECT_LAST
done
remount 1
# content DIR OLD NEW [SIZE]
content() { inject /mnt/vol inject-check "$1" "${LAST[$1]}" "${@:2}"; }
content inline 0:100 50:100
content expand 0:100 50:6000
content gap 0:100 9000:100
content append 0:4096 4096:4096:4096
content holes 0:4096:8192:40 4096:4096:8192
content unwritten - 0:4096:4096 163840
content truncate 0:5000 - 50000
content longer 0:100 - 60000
content sync 0:4096 4096:4096:4096
inject_end
