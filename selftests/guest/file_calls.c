// SPDX-License-Identifier: GPL-2.0-only
/* glue-io: the rarer ways into the page cache: advice, ioctls, swapon, and a
 * look at memory that must not wait.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "retry_calls.h"

#define NOWAIT_FILE "/sys/kernel/debug/aop_probe/nowait"

/* `name=0`, `name=N` for what no call should return, or `name=ENAME`. */
static int print_call(const char *name, int result)
{
	print_result(name, result);
	printf("\n");
	return OK;
}

static int advise_mapping(int fd, off_t offset, size_t count)
{
	void *map = mmap(NULL, count, PROT_READ, MAP_PRIVATE, fd, offset);
	int result = map == MAP_FAILED ? -1 : madvise(map, count, MADV_WILLNEED);

	if (map != MAP_FAILED)
		munmap(map, count);
	return result;
}

/* ahead readahead|fadvise|madvise FILE OFFSET COUNT: reads ahead, by advice. */
int do_ahead(int argc, char **argv)
{
	off_t offset;
	size_t count;
	int fd, result;

	if (argc < 4)
		return USAGE;
	offset = atoll(argv[2]);
	count = strtoul(argv[3], NULL, 10);
	fd = open(argv[1], O_RDONLY);
	if (fd < 0)
		return failed("open");
	if (!strcmp(argv[0], "readahead")) {
		result = (int)readahead(fd, offset, count);
	} else if (!strcmp(argv[0], "fadvise")) {
		errno = posix_fadvise(fd, offset, (off_t)count, POSIX_FADV_WILLNEED);
		result = errno ? -1 : 0;
	} else if (!strcmp(argv[0], "madvise")) {
		result = advise_mapping(fd, offset, count);
	} else {
		return USAGE;
	}
	print_call("ahead", result);
	close(fd);
	return OK;
}

/* verity FILE: from here on it can't be written, and is checked when it is read. */
int do_verity(int argc, char **argv)
{
	struct fsverity_enable_arg arg;
	int fd;

	if (argc < 1)
		return USAGE;
	fd = open(argv[0], O_RDONLY);
	if (fd < 0)
		return failed("open");
	memset(&arg, 0, sizeof(arg));
	arg.version = 1;
	arg.hash_algorithm = FS_VERITY_HASH_ALG_SHA256;
	arg.block_size = 4096;
	print_call("verity", ioctl(fd, FS_IOC_ENABLE_VERITY, &arg));
	close(fd);
	return OK;
}

/* dedupe FILE OTHER COUNT: compares their first COUNT bytes, which then share blocks. */
int do_dedupe(int argc, char **argv)
{
	struct file_dedupe_range *range;
	int from, to, result;

	if (argc < 3)
		return USAGE;
	from = open(argv[0], O_RDONLY);
	to = open(argv[1], O_RDWR);
	if (from < 0 || to < 0)
		return failed("open");
	range = calloc(1, sizeof(*range) + sizeof(range->info[0]));
	range->src_length = strtoul(argv[2], NULL, 10);
	range->dest_count = 1;
	range->info[0].dest_fd = to;
	result = ioctl(from, FIDEDUPERANGE, range);
	if (!result && range->info[0].status < 0) {
		errno = -range->info[0].status;
		result = -1;
	}
	if (result)
		print_call("deduped", result);
	else if (range->info[0].status == FILE_DEDUPE_RANGE_DIFFERS)
		printf("deduped=differs\n");
	else
		printf("deduped=%" PRIu64 "\n", (uint64_t)range->info[0].bytes_deduped);
	free(range);
	close(to);
	close(from);
	return OK;
}

/* swapon FILE: it is switched off again at once. */
int do_swapon(int argc, char **argv)
{
	int result;

	if (argc < 1)
		return USAGE;
	result = swapon(argv[0], 0);
	print_call("swapon", result);
	return result || !swapoff(argv[0]) ? OK : failed("swapoff");
}

/*
 * nowait FILE OFFSET: maps a page of the file and has the kernel look it up as
 * who must not wait, which is only done for virtual machines otherwise.
 */
int do_nowait(int argc, char **argv)
{
	char address[32];
	int fd, file, length;
	void *map;
	ssize_t n;

	if (argc < 2)
		return USAGE;
	file = open(NOWAIT_FILE, O_WRONLY);
	fd = open(argv[0], O_RDONLY);
	if (fd < 0 || file < 0)
		return failed("open");
	map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, atoll(argv[1]));
	if (map == MAP_FAILED)
		return failed("mmap");
	length = snprintf(address, sizeof(address), "%" PRIuPTR, (uintptr_t)map);
	n = write(file, address, (size_t)length);
	return print_call("nowait", n == length ? 0 : (int)n);
}
