# SPDX-License-Identifier: GPL-2.0-only
# Extent lists that lie: counts, order, depth, places, and a tree that leads back
# into itself.
. "$REPO/selftests/lib/bad.sh"
# One line that names the device, the block and the field.
[ "$FS" != ocfs2_glue ] || SAYS='ocfs2_glue: vdb: block [0-9]*: bad [a-z]'
tree='$GLUE_IO read-pattern read fragmented 2 1 600 2'
flat='$GLUE_IO read-pattern read data 1 0 50'
for value in 0xffff 1000 0; do
	bad "root l_count=$value" set /fragmented l_count "$value"
	refused "$tree"
	bad "leaf l_count=$value" set /fragmented@leaf l_count "$value"
	refused "$tree"
done
for value in 0xffff 300; do
	bad "root l_next_free_rec=$value" set /fragmented l_next_free_rec "$value"
	refused "$tree"
	bad "leaf l_next_free_rec=$value" set /fragmented@leaf l_next_free_rec "$value"
	refused "$tree"
done
for value in 2 5 0xff 0xffff; do
	bad "root l_tree_depth=$value" set /fragmented l_tree_depth "$value"
	refused "$tree"
done
bad "leaf l_tree_depth=1" set /fragmented@leaf l_tree_depth 1
refused "$tree"
bad "data l_tree_depth=1" set /data l_tree_depth 1
refused "$flat"
bad "leaf without signature" set /fragmented@leaf h_signature INODE01
refused "$tree"
bad "leaf of another volume" set /fragmented@leaf h_fs_generation 77
refused "$tree"
bad "leaf that says it is elsewhere" set /fragmented@leaf h_blkno 77
refused "$tree"
bad "tree back into its inode" extent /fragmented 0 e_blkno "$(bad_template; corrupt get /fragmented i_blkno)"
refused "$tree"
bad "a leaf that is its own child" set /fragmented@leaf l_tree_depth 1
corrupt extent /fragmented@leaf 0 e_cpos 0 e_int_clusters 9999 e_blkno "$(corrupt get /fragmented@leaf h_blkno)"
refused "$tree"
bad "records overlap" extent /fragmented@leaf 3 e_cpos 1
refused "$tree"
bad "records out of order" extent /fragmented@leaf 3 e_cpos 0x7fffffff
refused "$tree"
bad "record far too long" extent /fragmented@leaf 3 e_leaf_clusters 0xffff
refused "$tree"
bad "leaf record beyond the volume" extent /fragmented@leaf 3 e_blkno 0x7fffffffffff
refused "$tree"
bad "root record beyond the volume" extent /fragmented 0 e_blkno 0x7fffffffffff
refused "$tree"
bad "data beyond the volume" extent /data 0 e_blkno 0x7fffffffffff
refused "$flat"
bad "data at block 0" extent /data 0 e_blkno 0
refused "$flat"
bad_end
