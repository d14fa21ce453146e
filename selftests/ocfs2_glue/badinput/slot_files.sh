# SPDX-License-Identifier: GPL-2.0-only
# Clusters that a slot's local_alloc or truncate_log claim to hold, though the
# global bitmap calls them free, or they are no clusters that could be given out:
# the mount is refused before anything is freed.
. "$REPO/selftests/lib/bad.sh"
use='ls && $GLUE_IO write-pattern new 1 0 300 && sync'
field() {
	local file=$1
	shift
	bad "$file $*" set "//$file:0000" "$@"
	refused "$use"
}
field local_alloc la_size 0
field local_alloc la_size 0xffff
field local_alloc i_total 0xffffffff
field local_alloc i_used 1
field local_alloc i_total 100 la_bm_off 0x7fffffff
field local_alloc i_total 100 la_bm_off 0xffffffff
field local_alloc i_total 100 la_bm_off 10200
field local_alloc i_total 100 la_bm_off 9000
# The superblock and the first descriptor.
field local_alloc i_total 1 la_bm_off 0
field local_alloc i_total 4 la_bm_off 2
field truncate_log tl_count 0
field truncate_log tl_count 0xffff
field truncate_log tl_used 0xffff
field truncate_log tl_used 1 t_start 0xfffffff0 t_clusters 0xff
field truncate_log tl_used 1 t_start 10200 t_clusters 100
field truncate_log tl_used 1 t_start 9000 t_clusters 1
field truncate_log tl_used 1 t_start 2 t_clusters 2
field truncate_log tl_used 1 t_start 3 t_clusters 1
field truncate_log tl_used 1 t_start 4 t_clusters 0xffffff
bad_end
