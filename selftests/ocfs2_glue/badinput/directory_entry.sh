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
# A name that leads a user to a system file: in use by the mount, or not; and the
# other way round.
bad_template
for file in journal:0000 inode_alloc:0000 slot_map truncate_log:0000; do
	block=$(corrupt get "//$file" block)
	bad "small: a way to $file" dirent /small file2 inode "$block"
	refused 'cat small/file2 >/dev/null'
done
bad "small: a way to the system directory" dirent /small file2 inode "$(corrupt get // block)"
refused 'stat small/file2'
bad_template
bad "slot_map: a way to a user's file" dirent // slot_map inode "$(corrupt get /data block)"
refused 'ls'
bad_end
