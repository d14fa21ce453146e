# SPDX-License-Identifier: GPL-2.0-only
# Inodes of files, directories and links that say what can't be.
. "$REPO/selftests/lib/bad.sh"
field() {
	bad "$1 $2=$3" set "$1" "$2" "$3"
	refused "$4"
}
field /inline i_signature XXXXXXX 'cat inline'
field /inline i_blkno 12345 'cat inline'
field /inline i_fs_generation 5 'cat inline'
field /inline i_flags 0 'cat inline'
field /inline i_mode 0 'cat inline'
field /inline i_size 0x10000 'cat inline'
field /inline i_size 0xffffffffffffffff 'cat inline'
field /inline id_count 0xffff 'cat inline'
# Its data couldn't move out: no extent record fits beside these attributes.
bad "/inline full of attributes" set /inline i_dyn_features 7 i_xattr_inline_size 3888 id_count 8
SAYS=i_xattr_inline_size refused 'head -c 4000 data >>inline'
field /link i_size 0xffffffffffffffff 'readlink link'
field /link i_size 0x100000 'readlink link'
field /small i_size 0x7fffffffffffffff 'ls small/ && ls -l small/file1'
field /small id_count 0xffff 'ls small/ && ls -l small/file1'
field /large i_size 0xffffffffffff0000 'ls large/'
field /data i_size 0xffffffffffffffff 'cat data'
bad_end
