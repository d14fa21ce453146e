# SPDX-License-Identifier: GPL-2.0-only
# A task whose operations ask for one retry after the other can be killed,
# wherever it is, and leaves nothing locked behind.
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
for how in "read file 0 8192 1" "splice file 0 8192 1" "map touch file 0 8192 1" \
	"map populate file 0 8192 1" "map procmem file 0 8192 1"; do
	step "$how" 60 <<-END
	fresh file 8192 1
	arm readahead short=0 always
	arm read_folio retry always
	dies read_folio.retry $how
	-> read_folio.retry: exit 137
	arm off
	io read file 0 8192 1
	-> read=8192 position=8192
	END
done
step "readlink" 60 <<'END'
ln -s where/it/leads link
echo 1 >/proc/sys/vm/drop_caches
arm read_folio retry always
dies read_folio.retry readlink link
-> read_folio.retry: exit 137
arm off
io readlink link
-> length=14 target=where/it/leads
END
for op in write_begin write_end; do
	step "write, $op" 60 <<-END
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
	step "symlink, $op" 60 <<-END
	arm $op retry always
	dies $op.retry try symlink link_$op where/it/leads
	-> $op.retry: exit 137
	arm off
	io try symlink link_$op where/it/leads
	-> 0
	END
done
step "truncate" 60 <<'END'
fresh other 8192 1
arm write_begin retry always
dies write_begin.retry try truncate other 50000
-> write_begin.retry: exit 137
arm off
stat -c %s other
-> 8192
END
