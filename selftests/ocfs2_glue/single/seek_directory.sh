# SPDX-License-Identifier: GPL-2.0-only
# A listing that is read in small pieces, from two places at once, is complete.
volume_make 64
volume_mount 1 ocfs2
on 1 'mkdir /mnt/vol/dir && cd /mnt/vol/dir && i=0; while [ $i -lt 300 ]; do : >name$i; i=$((i + 1)); done'
remount 1
on 1 'cd /mnt/vol/dir; busybox find . | sort >/tmp/a; ls -f | sort >/tmp/b; ls -fa | sort >/tmp/c
	test $(wc -l </tmp/a) = 301 && test $(wc -l </tmp/b) = 302 && cmp /tmp/b /tmp/c'
