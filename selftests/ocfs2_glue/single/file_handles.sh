# SPDX-License-Identifier: GPL-2.0-only
# File handles: as the in-tree driver makes them, good after a remount, and ESTALE for
# what is no user's inode (any more), though it may look like one.
volume_make 64
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; mkdir -p deep/er dir; echo text >file; echo text >deep/er/file; echo gone >gone
	cd dir; mkdir $(printf "%0100d " $(busybox seq 0 59)); cd ..
	ln -s file link; mknod null c 1 3; sync'
handles() { on 1 "cd /mnt/vol && /usr/bin/python3 $REPO/selftests/guest/handles.py $*" 60; }
names='. file gone deep deep/er deep/er/file dir link null dir/'$(printf %0100d 59)
handles make /run/host/handles $names
cp "$VM_DIR/1/share/handles" "$TEST_LOG.in-tree"
on 1 'busybox rm /mnt/vol/gone; sync'
# A dinode, and the group that it says it is in, as the content of a file.
volume_umount 1
number=$(/usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" get /file block)
volume_mount 1 ocfs2
on 1 "cd /mnt/vol && busybox dd if=/dev/vdb bs=4096 skip=$number count=1 of=forged status=none; sync
	filefrag -e -v forged | busybox sed -n 's/^ *0: *[0-9]*\.\. *[0-9]*: *\([0-9]*\)\.\..*/\1/p' >/run/host/forged"
forged=$(cat "$VM_DIR/1/share/forged")
volume_umount 1
# It says that it is where it is, in a group that would be right before it.
/usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" set "block:$forged" i_blkno "$forged" i_suballoc_bit 0
generation=$(/usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" get "block:$forged" i_generation)
sync "$VOLUME_IMAGE"
volume_mount 1
cp "$TEST_LOG.in-tree" "$VM_DIR/1/share/handles"
same "$(printf '%s\n' '. directory' 'file text' 'gone ESTALE' 'deep directory' 'deep/er directory' \
	'deep/er/file text' 'dir directory' 'link ELOOP' 'null device' "dir/$(printf %0100d 59) directory")" \
	"$(handles open /run/host/handles)" "handles of the in-tree driver"
needs_glue "what follows is about ours"
on 1 'echo 3 >/proc/sys/vm/drop_caches'
handles make /run/host/ours ${names/gone /}
same "$(grep -v '^gone ' "$TEST_LOG.in-tree")" "$(cat "$VM_DIR/1/share/ours")" "handles that ours makes"
offset=$(dmesg_size 1)
field() { /usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" get //global_bitmap "$1"; }
system=$(field block) system_generation=$(field i_generation)
for number in 0 1 2 "$forged:$generation" "$system:$system_generation" 16383 16384 99999999999; do
	same "ESTALE" "$(handles number "${number%:*}" "$([ "$number" = "${number#*:}" ] && echo 1 || echo "${number#*:}")")" "inode $number"
done
same "" "$(dmesg_since 1 "$offset" | grep -a 'ocfs2_glue' || :)" "lines in the log"
# The way up from a directory that nobody has looked up.
remount 1
same "deep/er directory" "$(handles open /run/host/handles deep/er)" "a directory by its handle alone"
