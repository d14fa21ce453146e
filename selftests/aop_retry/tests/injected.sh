# SPDX-License-Identifier: GPL-2.0-only
# Random operations with three in ten calls retried by the kernel's fault injection, on
# file systems of many kinds: the bytes are right, and their own checkers find
# nothing.
#
# Proves: mm/filemap: add fault injection for retries
. "$REPO/selftests/aop_retry/lib.sh"
# injected NAME COUNTERS...: those retries must have happened.
injected() {
	local name=$1
	shift
	step "$name" 90 <<-END
	inject 15 30 -1
	io exercise file 1 60 | busybox cut -d ' ' -f 1
	-> operations=60
	echo 0 >\$injection/probability
	busybox sync
	for name in $*; do
		[ "\$(busybox grep -c " mm_filemap_retry: .* op=\$name\$" \$tracing/trace)" -gt 0 ] || echo "no \$name"
	done
	END
}
for type in "ext4 -b 4096" "ext4 -b 1024" minix vfat exfat f2fs ocfs2 "affs ffs 20000" "affs ofs 20000"; do
	# shellcheck disable=SC2086
	fs_make $type
	fs_mount "${type%% *}"
	case $type in
	exfat) injected "$type" iomap ;;
	minix | affs*) injected "$type" readahead write_begin write_end ;;
	*) injected "$type" write_begin write_end ;;
	esac
	case $type in
	affs*) volume_umount 1 ;;
	*) fs_check "${type%% *}" ;;
	esac
done
guest_ready
on 1 'busybox mount -t tmpfs none /mnt/vol'
injected tmpfs write_begin write_end
