# SPDX-License-Identifier: GPL-2.0-only
# A directory that contains itself, its parent or the root directory: the entry is
# an error for who looks it up, and nothing more. (d_splice_alias() gives ELOOP.)
needs_glue "the in-tree driver believes some of it"
# What the VFS says of it.
expect_dmesg 'would have caused loop'
no_fsck
corrupt() { /usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" "$@"; }
volume_make 64
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; busybox mkdir -p a/b; echo c >a/b/self; echo c >a/b/parent; echo c >a/b/root; echo c >a/b/file'
volume_umount 1
corrupt dirent /a/b self inode "$(corrupt get /a/b block)" file_type 2
corrupt dirent /a/b parent inode "$(corrupt get /a block)" file_type 2
corrupt dirent /a/b root inode "$(corrupt get / block)" file_type 2
sync "$VOLUME_IMAGE"
volume_mount 1
tries='cd /mnt/vol/a/b; for name in self parent root; do ls $name/. && exit 1; done; cat file'
for turn in cold cached; do
	out=$(on 1 "LC_ALL=C; export LC_ALL; $tries" 20 2>&1) || fail "$turn: $out"
	same 2 "$(grep -c 'Too many levels of symbolic links' <<<"$out")" "$turn: entries that are loops: $out"
	matches 'Structure needs cleaning' "$out" "$turn: the entry for the root directory"
	matches '^c$' "$(tail -n 1 <<<"$out")" "$turn: a good entry beside them"
done
# Nothing was left referenced.
remount 1
same c "$(on 1 'cat /mnt/vol/a/b/file')" "the good entry"
