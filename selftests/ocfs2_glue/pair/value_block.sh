# SPDX-License-Identifier: GPL-2.0-only
# A node that had a file's lock at EX, but never read its inode under that grant,
# says nothing of it that is left from an earlier one: here, that the data is in
# the inode, which the other node, of the in-tree driver, has moved out since.
needs_glue "the in-tree driver truncates the file"
volume_mount 1 ocfs2
volume_mount 2
on 1 'echo inline >/mnt/vol/value_block'
same inline "$(on 2 'cat /mnt/vol/value_block')" "as node 1 made it"
io 1 write-pattern value_block 3 0 10
# Takes EX to see how long the file is, and goes no further.
same EOPNOTSUPP "$(io 2 try open-truncate value_block)" "truncation on node 2"
same read=10 "$(io 1 read-pattern read value_block 3 0 10)" "the data, from node 1"
io 1 write-pattern value_block 4 10 10
same read=10 "$(io 2 read-pattern read value_block 3 0 10)" "the data, from node 2"
same read=10 "$(io 2 read-pattern read value_block 4 10 10)" "what came after, from node 2"
