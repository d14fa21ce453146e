# SPDX-License-Identifier: GPL-2.0-only
# A task can be killed in page_symlink(), and the link can be made afterwards.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
for op in write_begin write_end; do
	step "$op" 60 <<-END
	arm $op retry always
	dies $op.retry try symlink link_$op where/it/leads
	-> $op.retry: exit 137
	arm off
	io try symlink link_$op where/it/leads
	-> 0
	END
done
