# SPDX-License-Identifier: GPL-2.0-only
# FIBMAP takes the inode's lock first: node 1 is told of the block that node 2 has
# just given the file, which is in node 2's journal alone until it gives the lock up.
fibmap() { on "$1" "perl -e 'open F, q(<), q(/mnt/vol/bmap) or die; \$b = pack q(i), $2; ioctl F, 1, \$b or die; print unpack q(i), \$b'"; }
pair_mount
io 1 write-pattern bmap 1 0 2
same "$(fibmap 1 1)" "$(fibmap 2 1)" "a block that both know"
io 2 write-pattern bmap 1 64 1
here=$(fibmap 1 64) there=$(fibmap 2 64)
[ "$there" -gt 0 ] || fail "node 2 has no block either"
same "$there" "$here" "a block that is new"
same 0 "$(fibmap 1 32)" "a hole"
