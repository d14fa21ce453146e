# SPDX-License-Identifier: GPL-2.0-only
# Directories of a thousand long names, indexed and linear: all names listed
# once, each found, none found that isn't there.
names='i=0; while [ $i -lt 1000 ]; do printf "%04d-%0150d\n" $i $i; i=$((i + 1)); done'
for features in indexed-dirs noindexed-dirs; do
	volume_make 100 "--fs-features=$features"
	volume_mount 1 ocfs2
	on 1 "$names"' >/tmp/names; mkdir /mnt/vol/dir && cd /mnt/vol/dir && while read -r name; do : >$name; done </tmp/names' 120
	volume_umount 1
	volume_mount 1
	on 1 'cd /mnt/vol/dir && ls | cmp - /tmp/names' || fail "$features: listing"
	on 1 'cd /mnt/vol/dir && busybox xargs busybox stat -c %n </tmp/names | cmp - /tmp/names' || fail "$features: lookup"
	same ENOENT "$(io 1 try open-read dir/0000-missing)" "$features: a name that isn't there"
	same "$(printf '.\n..')" "$(on 1 'ls -a /mnt/vol/dir | head -n 2')" "$features: dots"
	volume_umount 1
done
