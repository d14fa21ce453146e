# SPDX-License-Identifier: GPL-2.0-only
# Where no run of free clusters is long enough for a group of extent blocks, it is
# made of several; the in-tree driver reads the tree whose blocks are in it, and
# gives them back.
corrupt() { /usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" "$@"; }

volume_make 40
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; i=0
	while head -c 2000000 /dev/zero >keep$i && head -c 2000000 /dev/zero >gap$i; do
		i=$((i + 1))
	done 2>/dev/null
	sync; rm gap*; ls | wc -l'
remount 1
# Every second block: more extents than a dinode has room for.
io 1 write-pattern fragmented 2 1 600 2
volume_umount 1
pieces=$(corrupt get //extent_alloc:0000@group l_next_free_rec)
printf 'a group in %s pieces\n' "$pieces"
[ "$FS" = ocfs2 ] || [ "$pieces" -gt 1 ] || fail "a group in one piece: the volume isn't fragmented"
volume_check
volume_mount 1 ocfs2
same read=600 "$(io 1 read-pattern read fragmented 2 1 600 2)" "the file, by the in-tree driver"
on 1 'rm /mnt/vol/fragmented'
