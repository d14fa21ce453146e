# SPDX-License-Identifier: GPL-2.0-only
# Size and times that one node changes are what the other's stat says next; so is
# a file that is new.
pair_mount
for n in 1 2 3 4 5; do
	io 1 append stat_follows A 10n
	same $((n * 640)) "$(on 2 'stat -c %s /mnt/vol/stat_follows')" "size, round $n"
	same "$(on 1 'stat -c %y,%z,%i,%b /mnt/vol/stat_follows')" \
		"$(on 2 'stat -c %y,%z,%i,%b /mnt/vol/stat_follows')" "times, round $n"
	on 2 "echo from 2 >/mnt/vol/stat_new$n"
	same "from 2" "$(on 1 "cat /mnt/vol/stat_new$n")" "a new file, round $n"
	matches "stat_new$n" "$(on 1 'ls /mnt/vol')" "its name in a listing, round $n"
done
