# SPDX-License-Identifier: GPL-2.0-only
# A file on an Amiga file system is made larger by one call of ->write_begin. If that
# asks for a retry, the file must not stay as it is.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
for kind in ofs:affs_write_begin_ofs ffs:affs_write_begin; do
	begin=${kind#*:}
	fs_make affs "${kind%:*}" 2000
	fs_mount affs
	step "${kind%:*}" <<-END
	fresh file 10000 1
	probe $begin return=524289 3
	io try truncate file 50000
	-> 0
	took $begin retry_write_begin
	-> $begin=3 retry_write_begin=3
	stat -c %s file
	-> 50000
	io read file 0 10000 1
	-> read=10000 position=10000
	io read file 10000 60000 zero
	-> read=40000 position=50000
	END
	volume_umount 1
done
