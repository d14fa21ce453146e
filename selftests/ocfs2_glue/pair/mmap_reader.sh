# SPDX-License-Identifier: GPL-2.0-only
# Node 2 reads through page faults, splice and sendfile what node 1 overwrites
# all the while: each block is of one write or the other, and at the end the last.
pair_mount
io 1 write-pattern mapped 1 0 64
vm_begin 1 'cd /mnt/vol; for round in 1 2 3 4 5 6; do $GLUE_IO write-pattern mapped 1 0 64 || exit; done'
writer=$JOB
for way in mmap splice sendfile mmap; do
	same read=64 "$(io 2 read-pattern "$way" mapped 1 0 64)" "$way beside the writer"
done
vm_wait 1 "$writer" 60
io 1 write-pattern mapped 2 0 64
same read=64 "$(io 2 read-pattern mmap mapped 2 0 64)" "mmap of the last write"
