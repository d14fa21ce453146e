# SPDX-License-Identifier: GPL-2.0-only
# The root directory's inode, field by field.
. "$REPO/selftests/lib/bad.sh"
field() {
	bad "root $1=$2" set / "$1" "$2"
	refused 'ls && cat inline'
}
field i_signature EXBLK01
field i_blkno 7
field i_fs_generation 1
field i_flags 0
field i_mode 0o100644
field i_links_count 0
field i_size 0xffffffffffffffff
field i_size 3
field id_count 0xffff
field id_count 3
bad "root filled with 0xff" fill / 0xff
refused 'ls'
bad "root filled with 0" fill / 0
refused 'ls'
bad_end
