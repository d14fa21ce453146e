# SPDX-License-Identifier: GPL-2.0-only
# Both nodes have a file open, and the node of the in-tree driver removes its only
# name. What ours appends after that reaches the disk when it closes the file: the
# VFS writes nothing back for an inode that has no links.
needs_glue "the in-tree driver writes it back"
# 7.3's in-tree driver refuses to read an inode without links, orphans too.
expect_dmesg 'OCFS2: ERROR'
volume_mount 1 ocfs2
volume_mount 2
on 1 'cd /mnt/vol; busybox printf %0100d 0 >unlinked_elsewhere'
ino=$(on 1 'stat -c %i /mnt/vol/unlinked_elsewhere')
rm -f "$VM_DIR"/[12]/share/{open,go}
vm_begin 1 'exec 3</mnt/vol/unlinked_elsewhere; : >/run/host/open
	until [ -e /run/host/go ]; do busybox sleep 0.1; done'
other=$JOB
# The look at the name drops its dentry, so the close evicts the inode.
vm_begin 2 'exec 3>>/mnt/vol/unlinked_elsewhere; : >/run/host/open
	until [ -e /run/host/go ]; do busybox sleep 0.1; done
	busybox printf %0200000d 0 >&3 || exit 1
	! [ -e /mnt/vol/unlinked_elsewhere ] || exit 1
	[ "$(stat -L -c "%h %s" /proc/self/fd/3)" = "0 200100" ] || exit 1
	exec 3>&-'
until_true 20 [ -e "$VM_DIR/1/share/open" ]
until_true 20 [ -e "$VM_DIR/2/share/open" ]
on 1 'rm /mnt/vol/unlinked_elsewhere'
: >"$VM_DIR/2/share/go"
vm_wait 2 "$JOB" 30 || fail "the append on node 2: $?"
# Node 1 has it open, so it is there, in the directory of orphans.
volume_dump "<$ino>" "$TEST_LOG.orphan" || fail "inode $ino isn't on the disk"
size=$(stat -c %s "$TEST_LOG.orphan")
other_bytes=$(tr -d 0 <"$TEST_LOG.orphan" | wc -c)
rm "$TEST_LOG.orphan"
same 200100 "$size" "its size on the disk"
same 0 "$other_bytes" "bytes in it that nobody wrote"
: >"$VM_DIR/1/share/go"
vm_wait 1 "$other" 30 || :
pair_umount
# What the in-tree driver can't delete.
fsck.ocfs2 -Ffy "$VOLUME_IMAGE" <<<y || [ $? -eq 1 ]
sync "$VOLUME_IMAGE"
