# SPDX-License-Identifier: GPL-2.0-only
# An append that needs no new cluster: its data is on the disk before the commit
# that makes the file longer.
volume_make 64
volume_mount 1
io 1 append log A 70n
on 1 'busybox sync; busybox yes tail | busybox head -n 50 >>/mnt/vol/log'
# The fsync of another file commits it.
io 1 write-pattern other 1 0 1
volume_crash 1
same 4730 "$(on 1 'stat -c %s /mnt/vol/log')" "the size that was committed"
same 50 "$(on 1 'busybox grep -c ^tail /mnt/vol/log')" "lines behind the old end"
