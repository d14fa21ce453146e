/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of ocfs2_glue.
 *
 * Levels are DLM lock modes (0 NL, 3 PR, 5 EX); results are 0 or a negative
 * errno; times are nanoseconds. A lock's name is shown up to its first zero
 * byte, and what comes after that in hex behind a colon: dentry locks end
 * with a binary block number.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM ocfs2_glue

#if !defined(_OCFS2_GLUE_TRACE_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _OCFS2_GLUE_TRACE_EVENTS_H

#include <linux/kdev_t.h>
#include <linux/tracepoint.h>

#ifndef OCFS2_GLUE_NAME_TEXT
/* 32 bytes of name: at most one as text, the zero, and 31 in hex. */
#define OCFS2_GLUE_NAME_TEXT	72
void ocfs2_glue_name_text(char *text, const u8 *name, size_t len);
#endif

DECLARE_EVENT_CLASS(ocfs2_glue_level,
	TP_PROTO(dev_t dev, const u8 *name, size_t len, int level),
	TP_ARGS(dev, name, len, level),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__array(char, name, OCFS2_GLUE_NAME_TEXT)
		__field(int, level)
	),
	TP_fast_assign(
		__entry->dev = dev;
		ocfs2_glue_name_text(__entry->name, name, len);
		__entry->level = level;
	),
	TP_printk("dev=%d:%d lock=%s level=%d",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->name,
		  __entry->level)
);

/* A task with a folio locked tried for a lock, and would have to wait. */
DEFINE_EVENT(ocfs2_glue_level, would_block,
	TP_PROTO(dev_t dev, const u8 *name, size_t len, int level),
	TP_ARGS(dev, name, len, level)
);

/* Another node waits for a lock at this level. */
DEFINE_EVENT(ocfs2_glue_level, bast,
	TP_PROTO(dev_t dev, const u8 *name, size_t len, int level),
	TP_ARGS(dev, name, len, level)
);

/* An acquire that was allowed to wait is over. */
TRACE_EVENT(acquire,
	TP_PROTO(dev_t dev, const u8 *name, size_t len, int level, int result,
		 u64 waited),
	TP_ARGS(dev, name, len, level, result, waited),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__array(char, name, OCFS2_GLUE_NAME_TEXT)
		__field(int, level)
		__field(int, result)
		__field(u64, waited)
	),
	TP_fast_assign(
		__entry->dev = dev;
		ocfs2_glue_name_text(__entry->name, name, len);
		__entry->level = level;
		__entry->result = result;
		__entry->waited = waited;
	),
	TP_printk("dev=%d:%d lock=%s level=%d result=%d waited=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->name,
		  __entry->level, __entry->result, __entry->waited)
);

/* A downconvert is over. */
TRACE_EVENT(downconvert,
	TP_PROTO(dev_t dev, const u8 *name, size_t len, int from, int to,
		 int result, u64 took),
	TP_ARGS(dev, name, len, from, to, result, took),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__array(char, name, OCFS2_GLUE_NAME_TEXT)
		__field(int, from)
		__field(int, to)
		__field(int, result)
		__field(u64, took)
	),
	TP_fast_assign(
		__entry->dev = dev;
		ocfs2_glue_name_text(__entry->name, name, len);
		__entry->from = from;
		__entry->to = to;
		__entry->result = result;
		__entry->took = took;
	),
	TP_printk("dev=%d:%d lock=%s from=%d to=%d result=%d took=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->name,
		  __entry->from, __entry->to, __entry->result, __entry->took)
);

/* An operation unlocked its folio, and is to be called again. */
TRACE_EVENT(retry,
	TP_PROTO(dev_t dev, u64 ino, u64 index, int op),
	TP_ARGS(dev, ino, index, op),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(u64, index)
		__field(int, op)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->ino = ino;
		__entry->index = index;
		__entry->op = op;
	),
	TP_printk("dev=%d:%d ino=%llu index=%llu op=%s",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino,
		  __entry->index,
		  __print_symbolic(__entry->op,
				   { 0, "read_folio" },
				   { 1, "readahead" },
				   { 2, "fault" },
				   { 3, "write_begin" }))
);

/*
 * One step of the lock state machine: what came in, with its arguments, and
 * what the machine made of it. The codes are the state machine's own, so that
 * a recorded sequence can be replayed on the host.
 */
TRACE_EVENT(lock_event,
	TP_PROTO(dev_t dev, const u8 *name, size_t len, u32 event, u64 arg0,
		 u64 arg1, u64 outcome),
	TP_ARGS(dev, name, len, event, arg0, arg1, outcome),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__array(char, name, OCFS2_GLUE_NAME_TEXT)
		__field(u32, event)
		__field(u64, arg0)
		__field(u64, arg1)
		__field(u64, outcome)
	),
	TP_fast_assign(
		__entry->dev = dev;
		ocfs2_glue_name_text(__entry->name, name, len);
		__entry->event = event;
		__entry->arg0 = arg0;
		__entry->arg1 = arg1;
		__entry->outcome = outcome;
	),
	TP_printk("dev=%d:%d lock=%s event=%u arg0=%llu arg1=%llu outcome=%#llx",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->name,
		  __entry->event, __entry->arg0, __entry->arg1,
		  __entry->outcome)
);

#endif /* _OCFS2_GLUE_TRACE_EVENTS_H */

/*
 * This part must be outside protection. The path is from the top of the tree,
 * which is in the include path (see Kbuild): "." would find the kernel's own
 * trace_events.h.
 */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH rust
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_events
#include <trace/define_trace.h>
