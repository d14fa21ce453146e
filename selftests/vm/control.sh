# SPDX-License-Identifier: GPL-2.0-only
# The control: the same workload with the lock order wrong on purpose. It must
# hang; two stacks then show who waits for whom. Sourced, after pair.sh.

CONTROL_LIMIT=${CONTROL_LIMIT:-30}

# In a guest: every task that sleeps uninterruptibly, with its kernel stack.
CONTROL_STACKS='
for dir in /proc/[0-9]*; do
	read -r stat <$dir/stat || continue
	rest=${stat##*) }
	case $rest in D*) ;; *) continue ;; esac
	echo "task ${dir#/proc/} $(cat $dir/comm)"
	sed "s/^\[<0>\] //" $dir/stack
	echo
done 2>/dev/null'

# A number that stands still when both nodes do.
control_progress() {
	cat "$APPEND_OUT" "$FOLLOW_OUT" 2>/dev/null | grep -ac '^at '
	on 2 "$CONTROL_STACKS" 10 >"$1"
}

# task_with PATTERN [NOT]: the first task of the input whose stack matches.
task_with() {
	awk -v RS= -v ORS='\n\n' -v want="$1" -v not="${2:-^no such stack$}" \
		'$0 ~ want && $0 !~ not { print; exit }'
}

# The functions of a stack, without offsets and without what all stacks share.
stack_functions() {
	sed 's/+0x[0-9a-f]*\/0x[0-9a-f]*//' | c++filt |
		sed -E 's/\[[0-9a-f]{8,}\]//g; s/ocfs2_glue:://g; s/^<(.*)>::([a-z_]+)$/\1::\2/' |
		grep -vE '^(entry_SYSCALL|do_syscall|x64_sys_call|ret_from_fork|kthread|worker_thread|process_scheduled|asm_|$)' |
		cut -c 1-56
}

# control_show STACKS: the reader and the worker, side by side. Fails if either
# isn't there.
control_show() {
	local reader worker
	reader=$(task_with 'glue-io\n' <"$1")
	worker=$(task_with '(folio_lock|folio_wait|__filemap_get_folio|truncate_inode)' '^task [0-9]+ glue-io\n' <"$1")
	[ -n "$reader" ] && [ -n "$worker" ] || return 1
	printf '  %-57s %s\n' 'reader: holds the folio, waits for the lock' 'worker: holds the lock off, waits for the folio'
	paste -d '\t' <(stack_functions <<<"$reader") <(stack_functions <<<"$worker") |
		awk -F '\t' '{ printf "  %-57s %s\n", $1, $2 }'
}

# control_run: on booted guests with the wrong-order module and a volume on the
# disk. 0 when the deadlock was seen; CONTROL_SECONDS says how soon.
control_run() {
	local stacks=$VM_DIR/stacks before=-1 now still=0 start
	pair_mount || return 1
	tail_begin control 3600 3600
	start=$SECONDS
	while [ $((SECONDS - start)) -lt "$CONTROL_LIMIT" ]; do
		sleep 1
		now=$(control_progress "$stacks")
		if [ "$now" = "$before" ]; then still=$((still + 1)); else still=0; fi
		before=$now
		CONTROL_SECONDS=$((SECONDS - start))
		live_line "        $CONTROL_SECONDS s, lines stand still for $still s"
		if [ "$still" -ge 4 ] && control_show "$stacks" >"$VM_DIR/deadlock"; then
			live_end
			return 0
		fi
	done
	live_end
	say "no deadlock in $CONTROL_LIMIT s; what slept uninterruptibly on node 2:"
	cat "$stacks"
	return 1
}
