// SPDX-License-Identifier: GPL-2.0-only
/* glue-io: the entry point, and what all commands share. See glue_io.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "glue_io.h"
#include "inject.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int failed(const char *call)
{
	const char *name = strerrorname_np(errno);

	printf("error=%s call=%s\n", name ? name : "unknown", call);
	return FAILED;
}

static char filling(char tag, uint64_t number, int place)
{
	return 'a' + (char)((number * 7 + (uint64_t)tag * 3 + (uint64_t)place) % 26);
}

void line_make(char *line, char tag, uint64_t number)
{
	int place = snprintf(line, LINE_SIZE, "%c %012llu ", tag, (unsigned long long)number);

	for (; place < LINE_SIZE - 1; place++)
		line[place] = filling(tag, number, place);
	line[LINE_SIZE - 1] = '\n';
}

int line_check(const char *line, char *tag, uint64_t *number)
{
	char want[LINE_SIZE];
	unsigned long long n;

	if (sscanf(line, "%c %12llu ", tag, &n) != 2)
		return 0;
	line_make(want, *tag, n);
	*number = n;
	return *tag >= 'A' && *tag < 'A' + TAG_COUNT && !memcmp(line, want, LINE_SIZE);
}

static const struct command *const tables[] = {
	line_commands,	 synced_commands,	 call_commands,		retry_commands,
	inject_commands, inject_memory_commands, inject_disk_commands,
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const struct command *find(const char *name)
{
	const struct command *command;
	size_t i;

	for (i = 0; i < TABLES; i++)
		for (command = tables[i]; command->name; command++)
			if (!strcmp(command->name, name))
				return command;
	return NULL;
}

static void usage(void)
{
	const struct command *command;
	size_t i;

	fprintf(stderr, "usage:\n");
	for (i = 0; i < TABLES; i++)
		for (command = tables[i]; command->name; command++)
			fprintf(stderr, "  glue-io %s %s\n", command->name, command->usage);
}

int main(int argc, char **argv)
{
	const struct command *command = NULL;
	int status;

	/* Whoever follows the output wants whole lines, at once. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		command = find(argv[1]);
	status = command ? command->run(argc - 2, argv + 2) : USAGE;
	if (status == USAGE)
		usage();
	return status;
}
