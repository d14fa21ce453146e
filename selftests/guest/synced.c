// SPDX-License-Identifier: GPL-2.0-only
/* glue-io: what was synced before its node died must be there afterwards. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "glue_io.h"

#define ROUND_LINES 8

/* The file that a round makes: one new name, one new inode. */
static void round_name(char *name, size_t size, const char *file, uint64_t round)
{
	snprintf(name, size, "%s.%" PRIu64, file, round);
}

static int put_line(int fd, char tag, uint64_t number)
{
	char line[LINE_SIZE];
	ssize_t n;

	line_make(line, tag, number);
	n = write(fd, line, LINE_SIZE);
	if (n == LINE_SIZE)
		return OK;
	if (n >= 0)
		errno = EIO;
	return failed("write");
}

static int one_round(int fd, const char *file, char tag, uint64_t round)
{
	char name[512];
	int i, status, made;

	for (i = 0; i < ROUND_LINES; i++) {
		status = put_line(fd, tag, round * ROUND_LINES + (uint64_t)i);
		if (status)
			return status;
	}
	if (fsync(fd))
		return failed("fsync");
	round_name(name, sizeof(name), file, round);
	made = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (made < 0)
		return failed("create");
	status = put_line(made, tag, round);
	if (status)
		return status;
	if (fsync(made))
		return failed("fsync");
	return close(made) ? failed("close") : OK;
}

/*
 * synced FILE TAG SECONDS: each round appends lines to FILE, makes a file of its
 * own, syncs both, and only then says so.
 */
static int synced(int argc, char **argv)
{
	uint64_t start = now_ns(), limit, round;
	int fd, status;

	if (argc < 3)
		return USAGE;
	limit = strtoull(argv[2], NULL, 10) * 1000000000u;
	fd = open(argv[0], O_WRONLY | O_APPEND | O_CREAT, 0644);
	if (fd < 0)
		return failed("open");
	for (round = 0; now_ns() - start < limit; round++) {
		status = one_round(fd, argv[0], argv[1][0], round);
		if (status)
			return status;
		printf("synced=%" PRIu64 "\n", round + 1);
	}
	return close(fd) ? failed("close") : OK;
}

/* The first @count lines of @path are @tag's, from @first on. */
static int expect_lines(const char *path, char tag, uint64_t first, uint64_t count)
{
	char have[LINE_SIZE], want[LINE_SIZE];
	FILE *file = fopen(path, "r");
	uint64_t i;

	if (!file) {
		printf("path=%s ", path);
		return failed("open");
	}
	for (i = 0; i < count; i++) {
		line_make(want, tag, first + i);
		if (fread(have, 1, LINE_SIZE, file) != LINE_SIZE) {
			printf("path=%s line=%" PRIu64 " ", path, i);
			if (ferror(file))
				return failed("read");
			printf("broken=lost\n");
			return BROKEN;
		}
		if (memcmp(have, want, LINE_SIZE)) {
			printf("path=%s line=%" PRIu64 " broken=torn\n", path, i);
			return BROKEN;
		}
	}
	fclose(file);
	return OK;
}

/* synced-check FILE TAG ROUNDS: all that so many rounds of synced() wrote. */
static int synced_check(int argc, char **argv)
{
	uint64_t rounds, round;
	char name[512];
	int status;

	if (argc < 3)
		return USAGE;
	rounds = strtoull(argv[2], NULL, 10);
	status = expect_lines(argv[0], argv[1][0], 0, rounds * ROUND_LINES);
	for (round = 0; !status && round < rounds; round++) {
		round_name(name, sizeof(name), argv[0], round);
		status = expect_lines(name, argv[1][0], round, 1);
	}
	if (!status)
		printf("rounds=%" PRIu64 "\n", rounds);
	return status;
}

const struct command synced_commands[] = {
	{ "synced", "FILE TAG SECONDS", synced },
	{ "synced-check", "FILE TAG ROUNDS", synced_check },
	{ NULL, NULL, NULL },
};
