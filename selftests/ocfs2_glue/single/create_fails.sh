# SPDX-License-Identifier: GPL-2.0-only
# A new file whose creation fails for want of memory isn't there: each allocation
# of open(O_CREAT) fails once, and after an error there is no such name, neither at
# once nor after the next mount.
needs_glue "it is about our allocations"
expect_dmesg 'JBD2: '
volume_make 64
volume_mount 1
on 1 'for fault in failslab fail_page_alloc; do
	echo 0 >/sys/kernel/debug/$fault/ignore-gfp-wait && echo 0 >/sys/kernel/debug/$fault/verbose || exit 1
done; echo 0 >/sys/kernel/debug/fail_page_alloc/min-order'
# create FIRST: fails allocation FIRST, FIRST + 1, ... until a creation met no failure.
create='import os, sys
nth = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
for n in range(int(sys.argv[1]), 1000):
    path = f"/mnt/vol/n{n:03}"
    os.pwrite(nth, b"%d" % n, 0)
    error = 0
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except OSError as e:
        error = e.errno
    left = int(os.pread(nth, 16, 0).strip(b"\n\0"))
    os.pwrite(nth, b"0", 0)
    if error == 0:
        os.close(file)
        if left:
            print("done", n)
            break
        continue
    print("failed", n, os.strerror(error))
    if os.path.exists(path) and open("/mnt/vol/.try", "w"):
        print("it is there")
        sys.exit(1)
'
n=1 failed=
for turn in $(seq 60); do
	out=$(on 1 "python3 - $n <<'END'
$create
END" 100) && status=0 || status=$?
	printf '%s\n' "$out"
	! grep -q 'it is there' <<<"$out" || fail "allocation $(tail -n 2 <<<"$out" | head -n 1) failed, and the file is there"
	failed+=" $(awk '/^failed/{print $2}' <<<"$out" | xargs)"
	! grep -q '^done' <<<"$out" || break
	# The journal was aborted half way.
	n=$(($(awk '/^failed/{n = $2} END {print n + 0}' <<<"$out") + 1))
	remount 1
done
grep -q '^done' <<<"$out" || fail "not done: $out"
remount 1
for n in $failed; do
	! on 1 "[ -e $(printf /mnt/vol/n%03d "$n") ]" || fail "n$n is there after a mount"
done
