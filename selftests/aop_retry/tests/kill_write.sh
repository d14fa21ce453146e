# SPDX-License-Identifier: GPL-2.0-only
# A task whose write(2) asks for one retry after the other can be killed.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
for op in write_begin write_end; do
	step "$op" 60 <<-END
	fresh $op 8192 1
	arm $op retry always after=1
	dies $op.retry write $op 0 8192 2
	-> $op.retry: exit 137
	arm off
	io read $op 0 4096 2
	-> read=4096 position=4096
	io read $op 4096 8192 1
	-> read=4096 position=8192
	io write $op 4096 4096 2
	-> wrote=4096 position=8192
	END
done
