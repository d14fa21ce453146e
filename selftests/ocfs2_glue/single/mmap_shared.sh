# SPDX-License-Identifier: GPL-2.0-only
# A shared mapping for reading may be of a descriptor that can write, and stays for
# reading. fuser and lsof see who has a file open, or mapped.
needs_glue "the in-tree driver has shared mappings for writing"
volume_make 64
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; busybox dd if=/dev/zero bs=4k count=4 status=none | busybox tr "\0" a >file; cp /usr/bin/sleep program; chmod 755 program'
remount 1
on 1 "cd /mnt/vol && /usr/bin/python3 $REPO/selftests/guest/calls.py <<'END'
	0 mapped file rw r -> aaaa
	0 mapped file r r -> aaaa
	0 protect file -> EACCES
	0 mapped file rw rw -> EINVAL
END" || fail "mapping"
same "" "$(on 1 'fuser -m /mnt/vol 2>/dev/null || :')" "who uses the volume, with nobody there"
on 1 'cd /; /mnt/vol/program 1000 & pid=$!; exec 5</mnt/vol/file; busybox sleep 1
	fuser -m /mnt/vol 2>&1; lsof -n /mnt/vol 2>/dev/null; kill $pid; wait $pid; exec 5<&-; echo pid=$pid' >"$TEST_LOG.users"
users=$(cat "$TEST_LOG.users")
pid=$(sed -n 's/^pid=//p' <<<"$users")
matches "/mnt/vol:.* ${pid}em?\b" "$users" "fuser -m"
matches " $pid .*txt .*program" "$users" "lsof"
