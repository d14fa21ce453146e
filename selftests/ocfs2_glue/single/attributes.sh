# SPDX-License-Identifier: GPL-2.0-only
# ACLs and capabilities are read and decide, as on the in-tree driver; what would
# leave one behind that no longer fits is refused, with a line that names the inode.
volume_make 64
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; for f in plain named group capable extents; do echo text >$f; chmod 664 $f; done
	busybox dd if=/dev/zero of=extents bs=4k count=3 conv=notrunc status=none
	cp /bin/busybox capable 2>/dev/null; chmod 755 capable
	mkdir -m 777 inherits shared; mkdir -m 750 closed; echo text >closed/file; chmod 644 closed/file
	ln -s plain link
	for d in closed inherits; do i=0; while [ $i -lt 50 ]; do : >$d/$(printf %0100d $i); i=$((i + 1)); done; done'
volume_umount 1
give() { /usr/bin/python3 "$REPO/selftests/lib/xattr.py" "$VOLUME_IMAGE" "$@"; }
# 1001 is denied what others may; 1002 may what others may not; the mask cuts.
give /named acl=u::rw-,u:1001:---,u:1002:rw-,g::r--,m::rw-,o::r-- user.colour=726564
give /group acl=u::rw-,g::r--,g:1003:rw-,m::r--,o::---
give /closed acl=u::rwx,u:1002:r-x,g::---,m::r-x,o::---
give /inherits default=u::rwx,u:1002:rwx,g::r-x,m::rwx,o::r-x
give /capable security.capability=0100000200040000000000000000000000000000 trusted.note=31
give /extents user.colour=626c7565
sync "$VOLUME_IMAGE"
volume_check || fail "the attributes aren't as fsck.ocfs2 wants them"

reading() {
	on 1 "cd /mnt/vol && /usr/bin/python3 $REPO/selftests/guest/calls.py <<'END'
	0 read named -> text
	1000 read named -> text
	1001 read named -> EACCES
	1001 access named r -> no
	1002 read named -> text
	1002 access named r -> yes
	1003 read group -> text
	1003 access group w -> no
	1004 read group -> EACCES
	1002 read closed/file -> text
	1004 read closed/file -> EACCES
	1004 read plain -> text
	1004 read link -> text
	0 getxattr user.colour named -> 726564
	1004 getxattr user.colour named -> 726564
	1001 getxattr user.colour named -> EACCES
	0 getxattr user.shape named -> ENODATA
	0 getxattr user.colour extents -> 626c7565
	0 listxattr named -> system.posix_acl_access,user.colour
	0 listxattr capable -> security.capability,trusted.note
	1004 listxattr capable -> security.capability
	1004 getxattr trusted.note capable -> ENODATA
	0 listxattr inherits -> system.posix_acl_default
	0 listxattr plain -> none
	0 getxattr system.posix_acl_access plain -> ENODATA
	0 getxattr system.posix_acl_access group -> 0200000001000600ffffffff04000400ffffffff08000600eb03000010000400ffffffff20000000ffffffff
	0 mode named -> 0o664
END" 200
}
# The in-tree driver says the same of them.
volume_mount 1 ocfs2 ro
reading || fail "not what the in-tree driver makes of them"
remount 1
[ "$FS" = ocfs2_glue ] || exit 0
reading || fail "reading"
volume_umount 1
volume_mount 1 "" ro
reading || fail "reading on a read-only mount"
remount 1
on 1 "cd /mnt/vol && /usr/bin/python3 $REPO/selftests/guest/calls.py <<'END'
	1002 write named -> 5
	0 write named -> 5
	0 chmod 600 named -> ENOTSUP
	0 chmod 664 named -> 0o664
	0 chmod 600 plain -> 0o600
	0 chmod 640 extents -> 0o640
	0 chown 1005 named -> 0
	0 write capable -> EACCES
	0 truncate 9000000 capable -> EACCES
	0 chown 1005 capable -> EACCES
	0 read inherits/new -> ENOENT
	0 create inherits/new -> ENOTSUP
	0 create shared/new -> 0o644
	0 setxattr user.colour plain -> ENOTSUP
	0 removexattr user.colour named -> ENOTSUP
	0 removexattr system.posix_acl_access named -> ENOTSUP
	0 listxattr named -> system.posix_acl_access,user.colour
END" 200 || fail "changing"
ino() { on 1 "set -- \$(busybox stat -c %i /mnt/vol/$1); echo \$1"; }
said 1 "ocfs2_glue: vdb: inode $(ino named): has an ACL: its mode isn't changed" >/dev/null
said 1 "ocfs2_glue: vdb: inode $(ino capable): its capabilities would have to be removed" >/dev/null
said 1 "ocfs2_glue: vdb: inode $(ino inherits): has a default ACL: nothing is created in it" >/dev/null
volume_umount 1

# Without ACLs the modes decide, and without user attributes there are none.
volume_mount 1 "" noacl,nouser_xattr
on 1 "cd /mnt/vol && /usr/bin/python3 $REPO/selftests/guest/calls.py <<'END'
	1001 read named -> text
	0 getxattr user.colour named -> ENOTSUP
	0 getxattr system.posix_acl_access named -> ENOTSUP
	0 listxattr named -> none
	0 create inherits/new -> 0o644
	0 chmod 600 named -> ENOTSUP
END" 100 || fail "with noacl,nouser_xattr"
