# SPDX-License-Identifier: GPL-2.0-only
# The system directory and the files in it that a mount or a write needs.
. "$REPO/selftests/lib/bad.sh"
use='ls && $GLUE_IO write-pattern new 1 0 300 && sync'
bad "system directory is noise" fill // 0xa5
refused "$use"
bad "system directory is a file" set // i_mode 0o100644
refused "$use"
for file in slot_map journal:0000 global_bitmap inode_alloc:0000 local_alloc:0000; do
	bad "$file is missing" dirent // "$file" inode 0
	refused "$use"
	bad "$file is somewhere else" dirent // "$file" inode 0x7fffffffffff
	refused "$use"
	bad "$file has no signature" set "//$file" i_signature XXXXXXX
	refused "$use"
	bad "$file isn't a system file" set "//$file" i_flags 1
	refused "$use"
done
bad "journal of length 0" set //journal:0000 i_size 0
refused "$use"
bad "journal without extents" set //journal:0000 l_next_free_rec 0
refused "$use"
bad "journal superblock is noise" fill //journal:0000@data 0x5a
refused "$use"
bad_end
