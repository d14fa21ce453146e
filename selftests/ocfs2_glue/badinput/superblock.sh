# SPDX-License-Identifier: GPL-2.0-only
# Each field of the superblock that a mount relies on, out of range.
. "$REPO/selftests/lib/bad.sh"
field() {
	local name=$1 value
	shift
	for value in "$@"; do
		bad "$name=$value" set super "$name" "$value"
		refused 'ls && $GLUE_IO read-pattern read data 1 0 50'
	done
}
field i_signature OCFSV3 INODE01
field i_blkno 0 3
field s_major_rev_level 1 0xffff
field s_blocksize_bits 0 8 11 13 31 32 0xffffffff
field s_clustersize_bits 0 11 21 32 64 0xffffffff
field s_max_slots 0 256 0xffff
field s_root_blkno 0 2 9999999 0xffffffffffffffff
field s_system_dir_blkno 0 2 9999999 0xffffffffffffffff
field s_feature_incompat 0x80000000 0x2
field i_clusters 0xffffffff
field s_first_cluster_group 0 0xffffffffffffffff
bad_end
