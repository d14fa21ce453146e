// SPDX-License-Identifier: GPL-2.0-only
/* glue-io: whether a page fault that waits lets the rest of its process run. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "glue_io.h"

struct fault {
	volatile unsigned char *map;
	volatile pid_t tid;
};

static void *touch(void *arg)
{
	struct fault *fault = arg;

	fault->tid = gettid();
	(void)fault->map[0];
	return NULL;
}

/* Whether the thread is below the file system's code. */
static int is_waiting(pid_t tid)
{
	char path[64], stack[4096];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stack", tid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	n = fread(stack, 1, sizeof(stack) - 1, file);
	fclose(file);
	stack[n] = 0;
	return strstr(stack, "ocfs2") != NULL;
}

/*
 * fault-fork FILE READY GO: maps FILE and makes READY. When GO is there a thread
 * touches the mapping; once it waits, a fork() shows whether the memory map is
 * free. Prints how long that took. The thread is left to itself.
 */
int fault_fork(int argc, char **argv)
{
	struct fault fault = { 0 };
	pthread_t thread;
	uint64_t begun;
	pid_t child;
	int fd;

	if (argc < 3)
		return USAGE;
	fd = open(argv[0], O_RDONLY);
	if (fd < 0)
		return failed("open");
	fault.map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (fault.map == MAP_FAILED)
		return failed("mmap");
	if (close(open(argv[1], O_WRONLY | O_CREAT, 0644)))
		return failed("ready");
	while (access(argv[2], F_OK))
		usleep(10000);
	if (pthread_create(&thread, NULL, touch, &fault))
		return failed("pthread_create");
	while (!fault.tid || !is_waiting(fault.tid))
		usleep(10000);
	begun = now_ns();
	child = fork();
	if (!child)
		_exit(0);
	if (child < 0 || waitpid(child, NULL, 0) != child)
		return failed("fork");
	printf("forked_ms=%" PRIu64 "\n", (now_ns() - begun) / 1000000);
	/* No exit handlers: the thread may be anywhere. */
	fflush(stdout);
	_exit(OK);
}
