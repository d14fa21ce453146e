# SPDX-License-Identifier: GPL-2.0-only
# What the guests' kernels said. A console.log holds every message since boot,
# so a span of bytes of it is what was said meanwhile. Sourced.

# Any of these is a failure, whoever caused it.
DMESG_BAD='WARNING: |BUG:|INFO: task .* blocked|blocked for more than|soft lockup|hard LOCKUP'
DMESG_BAD+='|possible (circular|recursive|irq lock)|inconsistent lock state|suspicious RCU'
DMESG_BAD+='|sleeping function called|scheduling while atomic|Invalid wait context'
DMESG_BAD+='|rcu: INFO|detected stall|DEBUG_LOCKS_WARN|lock held when returning|held lock freed'
DMESG_BAD+='|Oops|general protection fault|unable to handle|Kernel panic|kernel BUG at'
DMESG_BAD+='|Bad page state|list_(add|del) corruption|refcount_t: |stack-protector'
DMESG_BAD+='|OCFS2: ERROR|JBD2: .*(error|corrupt)|Remounting filesystem read-only'

dmesg_size() { stat -c %s "$VM_DIR/$1/console.log" 2>/dev/null || echo 0; }

# dmesg_since N OFFSET: what guest N said after OFFSET.
dmesg_since() { tail -c "+$(($2 + 1))" "$VM_DIR/$1/console.log" | tr -d '\r'; }

# dmesg_bad N OFFSET [EXPECTED]: the bad lines, if any; EXPECTED is a pattern of
# a line that the test means to cause. Returns 0 when there are none.
dmesg_bad() {
	local bad
	bad=$(dmesg_since "$1" "$2" | grep -aE "$DMESG_BAD" | grep -avE "${3:-^no line is this$}")
	[ -z "$bad" ] && return 0
	printf 'guest %s: %s\n' "$1" "$(head -n 5 <<<"$bad")"
	return 1
}
