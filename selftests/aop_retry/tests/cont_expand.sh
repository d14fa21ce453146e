# SPDX-License-Identifier: GPL-2.0-only
# cont_expand_zero() on vfat: a gap before a write is zeroed range by range, each as
# often as it takes. The first call of ->write_begin is the write's own, the ones
# after it are for the gap. There was more of the file before, so that what isn't
# zeroed is seen.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
fs_make vfat
fs_mount vfat
# gap WHAT FILE PROBE RETRY COUNT: so many retries are traced for the five.
gap() {
	step "$1" <<-END
	io write $2 0 40000 1
	-> wrote=40000 position=40000
	io try truncate $2 100
	-> 0
	busybox sync
	io uncache $2
	begin
	probe $3
	io write $2 30000 100 2
	-> wrote=100 position=30100
	took ${3%% *} $4
	-> ${3%% *}=5 $4=$5
	busybox sync
	io uncache $2
	io read $2 0 100 1
	-> read=100 position=100
	io read $2 100 29900 zero
	-> read=29900 position=30000
	io read $2 30000 1000 2
	-> read=100 position=30100
	END
}
gap "write_begin is retried" first "fat_write_begin return=524289 5 1" retry_write_begin 5
gap "write_end accepts nothing" second "fat_write_end copied=0 5" retry_write_end 5
gap "write_end accepts less" third "fat_write_end copied=1000 5" retry_write_begin 0
step "truncate" <<'END'
fresh fourth 10000 1
probe fat_write_begin return=524289 3
io try truncate fourth 50000
-> 0
took fat_write_begin retry_write_begin
-> fat_write_begin=3 retry_write_begin=3
io read fourth 0 10000 1
-> read=10000 position=10000
io read fourth 10000 50000 zero
-> read=40000 position=50000
END
fs_check vfat
