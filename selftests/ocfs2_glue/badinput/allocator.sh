# SPDX-License-Identifier: GPL-2.0-only
# Allocators that disagree with themselves: a write that needs them fails, what
# is there can still be read, and nothing is given out twice.
. "$REPO/selftests/lib/bad.sh"
# More than a local window holds, so that the global bitmap is asked.
use='cat inline >/dev/null && $GLUE_IO write-pattern new 1 0 4000 && sync'
# In-tree, what a group says of itself is believed until it is met.
field() {
	bad "$1 $2=$3" set "$1" "$2" "$3"
	refused "$use"
}
field //global_bitmap cl_count 0xffff
field //global_bitmap cl_next_free_rec 0xffff
field //global_bitmap cl_cpg 0
field //global_bitmap c_blkno 0x7fffffffffff
field //global_bitmap c_blkno 5
field //global_bitmap@group bg_signature XXXXXXX
field //global_bitmap@group bg_bits 0xffff
field //global_bitmap@group bg_size 0
field //global_bitmap@group bg_free_bits_count 0xffff
field //global_bitmap@group bg_parent_dinode 5
field //global_bitmap@group bg_blkno 9
field //global_bitmap@group bg_generation 9
field //global_bitmap@group bg_chain 9
field //inode_alloc:0000 cl_count 0xffff
field //inode_alloc:0000 c_blkno 5
field //inode_alloc:0000@group bg_bits 0xffff
field //inode_alloc:0000@group bg_free_bits_count 0xffff
bad_end
