# SPDX-License-Identifier: GPL-2.0-only
# Holes are seen: by SEEK_DATA and SEEK_HOLE, by FIEMAP as on the in-tree driver, and
# by tar and rsync. What is in the dinode is data, and has blocks for those who ask.
volume_make 96
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; printf x >sparse; busybox truncate -s 6G sparse
	for at in 4294967296 5368709120; do printf data | busybox dd of=sparse bs=1 seek=$at conv=notrunc status=none; done
	echo text >inline; : >empty; busybox truncate -s 10000 hole; printf 0123456789 >ten
	fallocate -l 65536 unwritten; printf d | busybox dd of=unwritten bs=1 seek=20000 conv=notrunc status=none
	i=0; while [ $i -lt 40 ]; do printf d | busybox dd of=many bs=1 seek=$((i * 8192)) conv=notrunc status=none; i=$((i + 1)); done'
volume_umount 1
seeks() {
	on 1 "cd /mnt/vol && /usr/bin/python3 $REPO/selftests/guest/calls.py <<'END'
	0 seek data 0 sparse -> 0
	0 seek hole 0 sparse -> 4096
	0 seek data 4096 sparse -> 4294967296
	0 seek hole 4294967297 sparse -> 4294971392
	0 seek data 4294971392 sparse -> 5368709120
	0 seek hole 5368709120 sparse -> 5368713216
	0 seek data 5368713216 sparse -> ENXIO
	0 seek hole 5368713216 sparse -> 5368713216
	0 seek hole 6442450943 sparse -> 6442450943
	0 seek hole 6442450944 sparse -> ENXIO
	0 seek data 6442450944 sparse -> ENXIO
	0 seek data -1 sparse -> ENXIO
	0 seek end -5 sparse -> 6442450939
	0 seek data 0 inline -> 0
	0 seek data 3 inline -> 3
	0 seek hole 0 inline -> 5
	0 seek data 5 inline -> ENXIO
	0 seek data 0 empty -> ENXIO
	0 seek hole 0 empty -> ENXIO
	0 seek data 0 hole -> ENXIO
	0 seek hole 0 hole -> 0
	0 seek data 0 unwritten -> 16384
	0 seek hole 16384 unwritten -> 20480
	0 seek data 20480 unwritten -> ENXIO
END" 200
}
volume_mount 1 ocfs2
seeks || say "the in-tree driver sees holes otherwise: $(seeks || :)"
list='cd /mnt/vol && for f in sparse inline empty hole ten unwritten many; do filefrag -v -e $f; done'
on 1 "$list" >"$TEST_LOG.in-tree"
remount 1
seeks || fail "seeking: $(seeks || :)"
on 1 "$list" >"$TEST_LOG.ours"
diff "$TEST_LOG.in-tree" "$TEST_LOG.ours" || fail "FIEMAP isn't what the in-tree driver says"
on 1 "cd /mnt/vol && /usr/bin/python3 $REPO/selftests/guest/calls.py <<'END'
	0 fiemap_into_itself many -> 40
	0 fiemap_into_itself hole -> 0
END" || fail "FIEMAP into a mapping of the file"
# Ours sees what it has just written, before anything is on the disk.
on 1 'cd /mnt/vol; printf d | busybox dd of=hole bs=1 seek=5000 conv=notrunc status=none
	printf d | busybox dd of=unwritten bs=1 seek=40000 conv=notrunc status=none'
on 1 "cd /mnt/vol && /usr/bin/python3 $REPO/selftests/guest/calls.py <<'END'
	0 seek data 0 hole -> 4096
	0 seek hole 4096 hole -> 8192
	0 seek data 20480 unwritten -> 36864
END" || fail "seeking in what was just written"
# tar and rsync keep the holes, and what is in the dinode.
on 1 'cd /mnt/vol && mkdir /tmp/copy && tar -S -cf /tmp/copy/all.tar sparse inline ten many &&
	[ $(busybox stat -c %s /tmp/copy/all.tar) -lt 1000000 ] && cd /tmp/copy && tar -xf all.tar &&
	for f in inline ten many; do busybox cmp $f /mnt/vol/$f; done &&
	rsync -S /mnt/vol/inline /mnt/vol/ten /mnt/vol/many /tmp/copy/ && for f in inline ten many; do busybox cmp $f /mnt/vol/$f; done;
	status=$?; busybox rm -rf /tmp/copy; exit $status' 200 || fail "tar -S or rsync -S"
matches '^[1-9]' "$(on 1 'busybox stat -c %b /mnt/vol/inline')" "blocks of an inline file"
