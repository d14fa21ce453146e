# SPDX-License-Identifier: GPL-2.0-only
# The time of access reaches the disk by the rules of the mount: of a file, of a
# directory and of a symbolic link. One that is less than 60 s old stays, as with
# the in-tree driver; a mount without times of access, and one that is read-only,
# leave all of them alone.
volume_make 64
volume_mount 1 ocfs2
old=1000000000 long_ago=900000000
on 1 "cd /mnt/vol; echo a >file; echo a >recent; echo a >unread; busybox mkdir dir; busybox ln -s file link
	touch -m -d @$old file dir && touch -h -m -d @$old link
	touch -a -d @$long_ago file dir && touch -h -a -d @$long_ago link
	touch -a recent"
times() { on 1 "cd /mnt/vol; stat -c '%n %X' file dir link recent unread"; }
use='cd /mnt/vol; cat file recent; ls dir; readlink link; cat link'
old_times=$(times)

remount 1
same "$old_times" "$(times)" "times before anything was read"
on 1 "$use" >/dev/null
new=$(times)
for name in file dir link; do
	[ "$(awk "/^$name /{print \$2}" <<<"$new")" -gt "$old" ] || fail "relatime: the time of $name is old: $new"
done
for name in recent unread; do
	same "$(grep "^$name " <<<"$old_times")" "$(grep "^$name " <<<"$new")" "relatime: the time of $name"
done
remount 1
same "$new" "$(times)" "the same after a remount"
volume_umount 1

for options in noatime ro; do
	volume_mount 1 ocfs2
	on 1 "cd /mnt/vol; touch -a -d @$long_ago file dir && touch -h -a -d @$long_ago link"
	remount 1 ocfs2
	old_times=$(times)
	volume_umount 1
	volume_mount 1 "$FS" "$options"
	on 1 "$use" >/dev/null
	same "$old_times" "$(times)" "$options: times in memory"
	remount 1
	same "$old_times" "$(times)" "$options: times on the disk"
	volume_umount 1
done

# With strictatime each read counts, relatime wants a change in between.
volume_mount 1 "$FS" strictatime,atime_quantum=0
on 1 "$use" >/dev/null
new=$(times)
newer() {
	on 1 "$use" >/dev/null
	[ "$(awk '/^file /{print $2}' <<<"$(times)")" -gt "$(awk '/^file /{print $2}' <<<"$new")" ]
}
until_true 20 newer
new=$(times)
remount 1
same "$new" "$(times)" "strictatime: after a remount"
