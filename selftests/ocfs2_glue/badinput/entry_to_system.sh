# SPDX-License-Identifier: GPL-2.0-only
# Directory entries that lead a user to a system file, one that the mount uses or
# one that it doesn't; and the other way round.
. "$REPO/selftests/lib/bad.sh"
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
