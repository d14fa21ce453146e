# SPDX-License-Identifier: GPL-2.0-only
# Block sizes from 512 bytes up, clusters up to 1 MiB: what the in-tree driver
# wrote is read, what we write it reads.
for geometry in "512 4K" "1K 4K" "1K 32K" "2K 8K" "4K 16K" "4K 128K" "4K 1M"; do
	set -- $geometry
	volume_make "$((80 * 4096 / $(numfmt --from=iec "$1")))" -b "$1" -C "$2" -J size=16M
	volume_baseline
	volume_mount 1 ocfs2
	io 1 write-pattern theirs 1 3 100
	io 1 append small T 3n
	remount 1
	same read=100 "$(io 1 read-pattern read theirs 1 3 100)" "theirs, $geometry"
	same read=3 "$(io 1 read-pattern read theirs zero 0 3)" "their hole, $geometry"
	matches 'lines=3 rest=0' "$(io 1 check small)" "a small file, $geometry"
	io 1 write-pattern ours 2 5 100
	io 1 append log A 100n
	remount 1 ocfs2
	same read=100 "$(io 1 read-pattern read ours 2 5 100)" "ours, $geometry"
	same read=5 "$(io 1 read-pattern read ours zero 0 5)" "our hole, $geometry"
	matches 'lines=100 rest=0' "$(io 1 check log)" "our log, $geometry"
	volume_umount 1
	volume_check
done
