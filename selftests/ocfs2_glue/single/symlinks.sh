# SPDX-License-Identifier: GPL-2.0-only
# Symbolic links, from one byte to the longest there can be, and through them.
volume_make 64
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; echo target >t; mkdir d; echo inner >d/i
	ln -s t short; ln -s d/i deep; ln -s nowhere broken; ln -s loop loop
	for n in 60 400 1000 3000 4000; do ln -s $(printf "%0${n}d" 1) long$n; done
	for l in short deep broken long*; do echo $l $(readlink $l); done >/tmp/want'
remount 1
on 1 'cd /mnt/vol; for l in short deep broken long*; do echo $l $(readlink $l); done | cmp - /tmp/want'
same target "$(on 1 'cat /mnt/vol/short')" "through a link"
same inner "$(on 1 'cat /mnt/vol/deep')" "through a link into a directory"
same ENOENT "$(io 1 try open-read broken)" "a link to nothing"
same ELOOP "$(io 1 try open-read loop)" "a link to itself"
