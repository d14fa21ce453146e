/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * glue-io: the file operations that the guests' tests are made of, as one
 * static program. Each command prints `name=value` words and exits with 0 when
 * all was well, 1 when something was lost, torn or out of order, 2 when it was
 * called wrongly, 3 when a system call failed.
 *
 * A line is LINE_SIZE bytes: a writer's tag, a number that counts up from 0 for
 * each tag, a filling that follows from both, a newline. So a line that was
 * torn, lost, doubled or swapped is noticed wherever it stands.
 */
#ifndef GLUE_IO_H
#define GLUE_IO_H

#include <stddef.h>
#include <stdint.h>

#define LINE_SIZE 64
#define TAG_COUNT 26

struct command {
	const char *name;
	const char *usage;
	int (*run)(int argc, char **argv);
};

/* Tables end with an entry that has no name. */
extern const struct command line_commands[];
extern const struct command synced_commands[];
extern const struct command call_commands[];
extern const struct command retry_commands[];

enum { OK = 0, BROKEN = 1, USAGE = 2, FAILED = 3 };

/* Nanoseconds of the monotonic clock. */
uint64_t now_ns(void);

/* Prints `error=ENAME call=NAME` and returns FAILED. */
int failed(const char *call);

/* A command that has a file of its own. */
int fault_fork(int argc, char **argv);

void line_make(char *line, char tag, uint64_t number);

/* Whether @line is whole; if so its tag and number are stored. */
int line_check(const char *line, char *tag, uint64_t *number);

#endif
