# SPDX-License-Identifier: GPL-2.0-only
# What a node of the in-tree driver removes is freed as soon as it closes the file,
# though ours had the file in memory: unused; found to be gone by its name; or open,
# and found to have no links. Our node lets go of the inode by itself.
needs_glue "the in-tree driver hears of it by its dentry locks"
left=
let_go() { on 2 "cat $COUNTERS" | sed -n 's/^inodes_let_go //p'; }
# let_go_within TENTHS COUNT: the counter passes COUNT.
let_go_within() {
	local tries=$1
	while [ $((tries -= 1)) -gt 0 ] && [ "$(let_go)" = "$2" ]; do sleep 0.1; done
}
# opened FILE, closed FILE: a task on node 1 has it open meanwhile.
opened() {
	rm -f "$VM_DIR/1/share/"{open,go}
	vm_begin 1 "exec 3<$1; : >/run/host/open
		until [ -e /run/host/go ]; do busybox sleep 0.1; done; exec 3<&-; sync"
	until_true 20 [ -e "$VM_DIR/1/share/open" ]
}
closed() {
	: >"$VM_DIR/1/share/go"
	vm_wait 1 "$JOB" 30 || fail "the job on node 1: $?"
	# Nothing waits for its last user any more.
	! debugfs.ocfs2 -R 'ls //orphan_dir:0000' "$VOLUME_IMAGE" | grep -E '[0-9a-f]{16}' || left+=" $1"
}
volume_mount 1 ocfs2
volume_mount 2
used=$(on 1 'sync; stat -f -c %f /mnt/vol')
io 1 write-pattern unused 3 0 1000
io 1 write-pattern name 3 0 1000
io 1 write-pattern open 3 0 1000
on 1 'cd /mnt/vol; sync'

opened /mnt/vol/unused
same read=1000 "$(io 2 read-pattern read unused 3 0 1000)" "unused, from node 2"
before=$(let_go)
on 1 'rm /mnt/vol/unused'
let_go_within 100 "$before"
closed unused

opened /mnt/vol/name
same read=1000 "$(io 2 read-pattern read name 3 0 1000)" "name, from node 2"
on 1 'rm /mnt/vol/name'
on 2 '! [ -e /mnt/vol/name ]'
closed name

opened /mnt/vol/open
first=$JOB
rm -f "$VM_DIR/2/share/"{open,go}
vm_begin 2 'exec 3</mnt/vol/open; : >/run/host/open
	until [ -e /run/host/go ]; do busybox sleep 0.1; done
	stat -L -c %h /proc/self/fd/3; exec 3<&-'
second=$JOB
until_true 20 [ -e "$VM_DIR/2/share/open" ]
on 1 'rm /mnt/vol/open'
: >"$VM_DIR/2/share/go"
same 0 "$(vm_wait 2 "$second" 30)" "links of the open file, from node 2"
JOB=$first
closed open
same "" "$left" "files whose orphan is left"
pair_umount
volume_mount 1 ocfs2
same "$used" "$(on 1 'stat -f -c %f /mnt/vol')" "free blocks"
