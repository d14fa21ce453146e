# SPDX-License-Identifier: GPL-2.0-only
# Mount options as people have them in /etc/fstab: each is in force, or named in
# the log with the reason why it isn't. /proc/mounts shows what is in force, and a
# mount with that is a mount like this one.
needs_glue "the in-tree driver has words of its own for this"
shows() { on 1 'while read -r _ where _ options _; do [ "$where" != /mnt/vol ] || echo "$options"; done </proc/mounts'; }
volume_make 64
always=data=ordered,errors=remount-ro,coherency=full,inode64

# taken OPTIONS SHOWN
taken() {
	volume_mount 1 "" "$1" || fail "$1: not mounted"
	matches ",$2(,|\$)" "$(shows)" "$1"
	volume_umount 1
}
taken rw,noatime,nodiratime,data=writeback,commit=20,nointr,coherency=buffered "$always,commit=20"
taken rw,noatime,errors=remount-ro,data=ordered,acl,user_xattr "$always,user_xattr,acl"
taken noacl,nouser_xattr nouser_xattr,noacl
taken localflocks localflocks,user_xattr
taken strictatime,atime_quantum=30,barrier=1,commit=0,intr,inode64,slice_ms=7 "$always,user_xattr,acl,atime_quantum=30,slice_ms=7"
taken heartbeat=none,cluster_stack=o2cb,localalloc=-1,resv_level=2,dir_resv_level=8,preferred_slot=1 "heartbeat=none,$always"
taken barrier=0,journal_async_commit,errors=continue "$always"
for name in data nointr intr coherency localalloc resv_level dir_resv_level preferred_slot \
	barrier journal_async_commit errors; do
	said 1 "ocfs2_glue: mount option $name: has no effect, " >/dev/null
done

# refused OPTIONS LINE
refused() {
	! volume_mount 1 "" "$1" || fail "$1: mounted"
	said 1 "$2" >/dev/null
}
refused noatime,usrquota 'mount option usrquota: refused, quotas'
refused grpquota 'mount option grpquota: refused, quotas'
refused nocluster 'mount option nocluster: refused'
refused errors=panic 'mount option errors: refused'
refused cluster_stack=pcmk 'mount option cluster_stack: '
for bad in commit=-1 commit=many commit=86401 data=journal errors= coherency=none barrier=2 resv_level=9 \
	localflocks=yes heartbeat=loud cluster_stack=o2 slice_ms=10001 atime_quantum=x acl=1 usrquota=1; do
	refused "noatime,$bad" "bad value for mount option ${bad%%=*}"
done
refused rw,noatime,nosuchthing,acl "Unknown parameter 'nosuchthing'"

# A remount repeats what is in force, and changes nothing of it.
volume_mount 1 "" commit=20,noacl
before=$(shows)
on 1 "busybox mount -i -o remount,ro,${before#rw,} /mnt/vol"
same "ro,${before#rw,}" "$(shows)" "the options after a remount"
! on 1 'busybox mount -i -o remount,ro,acl /mnt/vol' || fail "a remount turned ACLs on"
said 1 "mount option acl: can't be changed by a remount" >/dev/null
on 1 'busybox mount -i -o remount,rw /mnt/vol'
same "$before" "$(shows)" "the options after a second remount"
