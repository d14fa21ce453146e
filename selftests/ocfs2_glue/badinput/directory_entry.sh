# SPDX-License-Identifier: GPL-2.0-only
# Directory entries that would lead a reader astray, in a directory inside its
# inode and in one of blocks.
. "$REPO/selftests/lib/bad.sh"
use='set -o pipefail; ls -l small large && cat small/* && ls small/file3'
entry() {
	local what=$1
	shift
	bad "small: $what" dirent /small file2 "$@"
	refused "$use"
	bad "large: $what" dirent /large "$(printf '%0100d' 5)" "$@"
	refused "$use"
}
entry "rec_len 0" rec_len 0
entry "rec_len 1" rec_len 1
entry "rec_len not of 4" rec_len 18
entry "rec_len too short for the name" rec_len 12
entry "rec_len past the block" rec_len 0xfffc
entry "name longer than the entry" name_len 255
entry "an inode that isn't one" inode 3
entry "an inode beyond the volume" inode 0x7fffffffffffffff
bad_end
