# SPDX-License-Identifier: GPL-2.0-only
# Another node changes a directory: what is mounted on a directory in it stays
# mounted, names that were not there are seen once they are, and a name that now
# leads elsewhere is followed there.
needs_glue "the in-tree driver keeps its dentries by locks of their own"
volume_mount 1 ocfs2
on 1 'cd /mnt/vol && mkdir -p dir/mnt/below dir/other && echo old >dir/other/which && mkdir new && echo new >new/which'
volume_umount 1
# Only the in-tree driver can rename.
pair_mount "$FS" ocfs2
trap 'on 1 "umount /mnt/vol/dir/mnt/below /mnt/vol/dir/mnt" || :' EXIT
on 1 'cd /mnt/vol/dir && ls >/dev/null && ! test -e later && cat other/which &&
	mount -t tmpfs none mnt && mkdir mnt/below && mount -t tmpfs none mnt/below &&
	touch mnt/below/inside'
for round in 1 2 3; do
	on 2 "cd /mnt/vol/dir && touch later$round"
	on 1 "test -e /mnt/vol/dir/later$round"
	on 1 'test -e /mnt/vol/dir/mnt/below/inside' ||
		fail "what was mounted in a changed directory is gone: $(on 1 'grep /mnt/vol /proc/mounts')"
done
on 2 'cd /mnt/vol && mv dir/other gone && mv new dir/other && touch dir/later'
same new "$(on 1 'cat /mnt/vol/dir/other/which')" "a directory in another's place"
same old "$(on 1 'cat /mnt/vol/gone/which')" "a directory that was moved"
on 1 'cd /mnt/vol && test -e dir/later && ! test -e new' || fail "names that came and went"
on 1 'test -e /mnt/vol/dir/mnt/below/inside' || fail "the mount did not stay"
# What was moved away takes nothing along.
on 2 'cd /mnt/vol && mv dir/mnt dir/moved'
on 1 'cd /mnt/vol/dir && ! test -e mnt && test -d moved && ! grep /mnt/vol/dir /proc/mounts'
trap - EXIT
