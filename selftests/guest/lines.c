// SPDX-License-Identifier: GPL-2.0-only
/* glue-io: appending numbered lines, following them, and checking them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "glue_io.h"

#define NS 1000000000u
#define CHUNK_LINES 1024

/* What goes past, and when it was last said. */
struct progress {
	const char *counters;
	uint64_t start, last_event, last_said;
	uint64_t lines, lines_said, gap, gap_end;
};

/* The driver's counters, as ` name=value` words on the end of the line. */
static void print_counters(const char *path)
{
	char name[64];
	unsigned long long value;
	FILE *file = path ? fopen(path, "r") : NULL;

	if (!file)
		return;
	while (fscanf(file, "%63s %llu", name, &value) == 2)
		printf(" %s=%llu", name, value);
	fclose(file);
}

static void progress_say(struct progress *p, const char *what, uint64_t now)
{
	uint64_t span = now - p->last_said;

	printf("%s lines=%" PRIu64 " rate=%" PRIu64 " gap_ms=%" PRIu64 " seconds=%.1f", what,
	       p->lines, span ? (p->lines - p->lines_said) * NS / span : 0, p->gap / 1000000,
	       (double)(now - p->start) / NS);
	print_counters(p->counters);
	printf("\n");
	p->last_said = now;
	p->lines_said = p->lines;
}

static void progress_begin(struct progress *p, const char *counters)
{
	memset(p, 0, sizeof(*p));
	p->counters = counters && *counters ? counters : NULL;
	p->start = p->last_event = p->last_said = now_ns();
}

static uint64_t progress_event(struct progress *p, uint64_t lines)
{
	uint64_t now = now_ns();

	if (lines) {
		if (now - p->last_event > p->gap)
			p->gap = now - p->last_event;
		p->last_event = now;
		p->lines += lines;
	}
	if (now - p->last_said >= NS)
		progress_say(p, "at", now);
	return now;
}

/* The whole run's rate, not the last second's. */
static void progress_end(struct progress *p)
{
	p->last_said = p->start;
	p->lines_said = 0;
	progress_say(p, "end", now_ns());
}

/* append FILE TAG SECONDS|COUNTn [COUNTERS]: as fast as it can. */
static int append(int argc, char **argv)
{
	struct progress p;
	char line[LINE_SIZE], *unit;
	uint64_t limit, now;
	int fd, by_count;

	if (argc < 3)
		return USAGE;
	limit = strtoull(argv[2], &unit, 10);
	by_count = *unit == 'n';
	fd = open(argv[0], O_WRONLY | O_APPEND | O_CREAT, 0644);
	if (fd < 0)
		return failed("open");
	progress_begin(&p, argc > 3 ? argv[3] : NULL);
	now = p.start;
	while (by_count ? p.lines < limit : now - p.start < limit * NS) {
		ssize_t n;

		line_make(line, argv[1][0], p.lines);
		n = write(fd, line, LINE_SIZE);
		if (n != LINE_SIZE) {
			int error = failed("write");

			printf("short=%zd ", n);
			progress_end(&p);
			return n < 0 ? error : BROKEN;
		}
		now = progress_event(&p, 1);
	}
	if (fsync(fd))
		return failed("fsync");
	if (close(fd))
		return failed("close");
	progress_end(&p);
	return OK;
}

/*
 * Takes the whole lines of @buffer, in order from *@next; the rest moves to the
 * front and its length is returned, or -1 when a line is not the expected one.
 */
static ssize_t follow_lines(char *buffer, size_t length, uint64_t *next)
{
	size_t used = 0;

	for (; length - used >= LINE_SIZE; used += LINE_SIZE) {
		uint64_t number;
		char tag;

		if (!line_check(buffer + used, &tag, &number)) {
			printf("broken=torn line=%" PRIu64 " text=%.*s\n", *next, LINE_SIZE - 1,
			       buffer + used);
			return -1;
		}
		if (number != *next) {
			printf("broken=order line=%" PRIu64 " found=%" PRIu64 "\n", *next, number);
			return -1;
		}
		(*next)++;
	}
	memmove(buffer, buffer + used, length - used);
	return (ssize_t)(length - used);
}

/*
 * follow FILE SECONDS STOPFILE NAP_US [COUNTERS]: like tail -f. Ends in order
 * when it has seen as many lines as STOPFILE says; SECONDS is the most it waits
 * in all.
 */
static int follow(int argc, char **argv)
{
	static char buffer[CHUNK_LINES * LINE_SIZE + LINE_SIZE];
	struct progress p;
	uint64_t limit, next = 0, stop = UINT64_MAX, now;
	ssize_t kept = 0;
	int fd;

	if (argc < 4)
		return USAGE;
	limit = strtoull(argv[1], NULL, 10) * NS;
	progress_begin(&p, argc > 4 ? argv[4] : NULL);
	while ((fd = open(argv[0], O_RDONLY)) < 0) {
		if (errno != ENOENT || now_ns() - p.start > limit)
			return failed("open");
		usleep(20000);
	}
	p.last_event = now = now_ns();
	while (next < stop && now - p.start < limit) {
		ssize_t n = read(fd, buffer + kept, CHUNK_LINES * LINE_SIZE);
		uint64_t before = next;

		if (n < 0)
			return failed("read");
		kept = follow_lines(buffer, (size_t)(kept + n), &next);
		if (kept < 0)
			return BROKEN;
		now = progress_event(&p, next - before);
		if (!n) {
			FILE *file = fopen(argv[2], "r");

			if (file) {
				if (fscanf(file, "%" SCNu64, &stop) != 1)
					stop = UINT64_MAX;
				fclose(file);
			}
			usleep((useconds_t)atoi(argv[3]));
		}
	}
	progress_end(&p);
	return next >= stop ? OK : BROKEN;
}

/*
 * check FILE [READAHEAD]: every line whole, every tag's numbers complete and in
 * order. With one tag that is order and loss; with several, O_APPEND's promise.
 */
static int check(int argc, char **argv)
{
	uint64_t next[TAG_COUNT] = { 0 }, lines = 0, number;
	char line[LINE_SIZE], tag;
	FILE *file;
	size_t n;
	int i;

	if (argc < 1)
		return USAGE;
	file = fopen(argv[0], "r");
	if (!file)
		return failed("open");
	while ((n = fread(line, 1, LINE_SIZE, file)) == LINE_SIZE) {
		if (!line_check(line, &tag, &number)) {
			printf("broken=torn line=%" PRIu64 "\n", lines);
			return BROKEN;
		}
		if (number != next[tag - 'A']) {
			printf("broken=order line=%" PRIu64 " tag=%c expected=%" PRIu64
			       " found=%" PRIu64 "\n", lines, tag, next[tag - 'A'], number);
			return BROKEN;
		}
		next[tag - 'A']++;
		lines++;
	}
	if (ferror(file))
		return failed("read");
	fclose(file);
	printf("lines=%" PRIu64 " rest=%zu", lines, n);
	for (i = 0; i < TAG_COUNT; i++)
		if (next[i])
			printf(" %c=%" PRIu64, 'A' + i, next[i]);
	printf("\n");
	return n ? BROKEN : OK;
}

const struct command line_commands[] = {
	{ "append", "FILE TAG SECONDS|COUNTn [COUNTERS]", append },
	{ "follow", "FILE SECONDS STOPFILE NAP_US [COUNTERS]", follow },
	{ "check", "FILE", check },
	{ NULL, NULL, NULL },
};
