# SPDX-License-Identifier: GPL-2.0-only
# Volumes that are wrong, one field at a time. Sourced by the tests in
# badinput/. Each case starts from the same good volume, changes what it is
# about, and must then be refused: by mount, or by the operation that meets it;
# with a line in dmesg, and a guest that is still there and unhurt.

BAD_CASES=0
BAD_COMPLAINTS=()
declare -A BAD_PROVEN=()
# fsck.ocfs2 has nothing to say about volumes that are wrong on purpose.
no_fsck
# The in-tree driver is loud; ours has a line of its own for this.
[ "$FS" = ocfs2_glue ] || expect_dmesg .

# The good volume, made once a run by the in-tree driver.
bad_template() {
	local template=$VM_DIR/template.img
	if [ ! -e "$template" ]; then
		volume_make 40 --fs-features=noindexed-dirs
		volume_mount 1 ocfs2
		io 1 write-pattern data 1 0 50
		io 1 write-pattern fragmented 2 1 600 2
		on 1 'cd /mnt/vol; echo text >inline; ln -s inline link; mkdir small large
			for i in 1 2 3; do echo $i >small/file$i; done
			i=0; while [ $i -lt 120 ]; do : >large/$(printf "%0100d" $i); i=$((i + 1)); done'
		volume_umount 1
		cp --sparse=always "$VOLUME_IMAGE" "$template"
	fi
	cp --sparse=always "$template" "$VOLUME_IMAGE"
}

corrupt() { /usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" "$@"; }

complain() {
	printf 'case %s: %s\n' "$BAD_CASE" "$*"
	BAD_COMPLAINTS+=("$BAD_CASE: $*")
}

# The in-tree driver believes some of what it should not; that is said, no more.
accepted() {
	if [ "$FS" = ocfs2_glue ]; then
		complain "not refused: $1"
	else
		printf 'case %s: the in-tree driver does not refuse it\n' "$BAD_CASE"
	fi
}

# bad NAME CORRUPT-ARGUMENT...: a fresh volume with that change.
bad() {
	BAD_CASE=$1
	shift
	bad_template
	corrupt "$@"
	sync "$VOLUME_IMAGE"
}

# A command that fails on the good volume as well would prove nothing. The disk
# with the case on it is put aside meanwhile.
prove() {
	local out
	[ -z "${BAD_PROVEN[$1]:-}" ] || return 0
	cp --sparse=always "$VOLUME_IMAGE" "$TEST_LOG.aside"
	bad_template
	sync "$VOLUME_IMAGE"
	VOLUME_DEVICE=/dev/vdb volume_mount 1 "$FS" || fail "the good volume can't be mounted"
	out=$(on 1 "cd /mnt/vol && $1" 60 2>&1) || fail "on the good volume '$1' fails: $out"
	volume_umount 1
	cp --sparse=always "$TEST_LOG.aside" "$VOLUME_IMAGE"
	rm "$TEST_LOG.aside"
	sync "$VOLUME_IMAGE"
	BAD_PROVEN[$1]=yes
}

# refused COMMAND: mounts and runs COMMAND in /mnt/vol of guest 1; one of the two
# must fail, and COMMAND with an error, not by a signal or for lack of time.
refused() {
	local offset out status where=mount
	BAD_CASES=$((BAD_CASES + 1))
	prove "$1"
	offset=$(dmesg_size 1)
	if out=$(volume_mount 1 "$FS" "${MOUNT_WITH:-}" 2>&1); then
		where=use status=0
		out=$(on 1 "cd /mnt/vol && $1" 40 2>&1) || status=$?
		[ "$status" -ne 0 ] || accepted "$out"
		[ "$status" -lt 124 ] || complain "ended with $status: $out"
		volume_umount 1 || complain "can't be unmounted"
	fi
	printf '%-50s %s: %s\n' "$BAD_CASE" "$where" "$(tail -n 1 <<<"$out")"
	dmesg_since 1 "$offset" | grep -qa "${SAYS:-.}" || complain "no line in dmesg${SAYS:+ like $SAYS}"
	if [ "$FS" = ocfs2_glue ]; then
		dmesg_bad 1 "$offset" || complain "the kernel complained"
	fi
	vm_alive 1 || fail "$BAD_CASE: the guest is gone"
}

# The last line of each test: what all cases came to.
bad_end() {
	[ ${#BAD_COMPLAINTS[@]} -eq 0 ] || fail "${#BAD_COMPLAINTS[@]} complaints, first: ${BAD_COMPLAINTS[0]}"
	printf '%s cases\n' "$BAD_CASES"
}
