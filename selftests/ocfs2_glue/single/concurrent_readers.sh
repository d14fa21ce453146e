# SPDX-License-Identifier: GPL-2.0-only
# Four readers, each its own way, and a writer that appends beside them.
volume_make 64
volume_mount 1 ocfs2
io 1 write-pattern file 1 0 1000
remount 1
on 1 'cd /mnt/vol; $GLUE_IO append log A 1000n >/tmp/log & pids=$!
	for way in read mmap splice sendfile; do
		$GLUE_IO read-pattern $way file 1 0 1000 >/tmp/$way & pids="$pids $!"
	done
	for pid in $pids; do wait $pid || status=1; done
	exit ${status:-0}' 120
matches 'lines=1000 rest=0' "$(io 1 check log)" "the appended file"
