// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints of ocfs2_glue, and functions by which Rust hits them.
 *
 * In the kernel itself this would be rust/bindings and declare_trace!(), which
 * want the tracepoints in the kernel crate's bindings; a module has no way to
 * add some. The prototypes are repeated in trace.rs.
 */

#include <linux/export.h>
#include <linux/hex.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>

#define CREATE_TRACE_POINTS
#include "trace_events.h"

/* As trace_events.h describes it. A name has at most 32 bytes. */
void ocfs2_glue_name_text(char *text, const u8 *name, size_t len)
{
	size_t head;

	len = min_t(size_t, len, 32);
	head = strnlen(name, len);
	memcpy(text, name, head);
	text += head;
	if (head < len) {
		*text++ = ':';
		text = bin2hex(text, name + head, len - head);
	}
	*text = '\0';
}

void ocfs2_glue_trace_would_block(u32 dev, const u8 *name, size_t len,
				  int level);
void ocfs2_glue_trace_would_block(u32 dev, const u8 *name, size_t len,
				  int level)
{
	trace_would_block(dev, name, len, level);
}

void ocfs2_glue_trace_bast(u32 dev, const u8 *name, size_t len, int level);
void ocfs2_glue_trace_bast(u32 dev, const u8 *name, size_t len, int level)
{
	trace_bast(dev, name, len, level);
}

void ocfs2_glue_trace_acquire(u32 dev, const u8 *name, size_t len, int level,
			      int result, u64 waited);
void ocfs2_glue_trace_acquire(u32 dev, const u8 *name, size_t len, int level,
			      int result, u64 waited)
{
	trace_acquire(dev, name, len, level, result, waited);
}

void ocfs2_glue_trace_downconvert(u32 dev, const u8 *name, size_t len,
				  int from, int to, int result, u64 took);
void ocfs2_glue_trace_downconvert(u32 dev, const u8 *name, size_t len,
				  int from, int to, int result, u64 took)
{
	trace_downconvert(dev, name, len, from, to, result, took);
}

void ocfs2_glue_trace_retry(u32 dev, u64 ino, u64 index, int op);
void ocfs2_glue_trace_retry(u32 dev, u64 ino, u64 index, int op)
{
	trace_retry(dev, ino, index, op);
}

void ocfs2_glue_trace_lock_event(u32 dev, const u8 *name, size_t len,
				 u32 event, u64 arg0, u64 arg1, u64 outcome);
void ocfs2_glue_trace_lock_event(u32 dev, const u8 *name, size_t len,
				 u32 event, u64 arg0, u64 arg1, u64 outcome)
{
	trace_lock_event(dev, name, len, event, arg0, arg1, outcome);
}
