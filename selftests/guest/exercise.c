// SPDX-License-Identifier: GPL-2.0-only
/* glue-io: random operations on a file, beside a copy of it in memory that says
 * what the file must contain. The same seed gives the same operations.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "retry_calls.h"

#define FILE_MAX (1 << 20)
#define IO_MAX (1 << 16)
#define PAGE 4096

struct exercise {
	int fd;
	uint64_t random;
	size_t size;
	uint64_t shorts;
	unsigned char model[FILE_MAX];
	unsigned char buffer[FILE_MAX];
};

static size_t below(struct exercise *x, size_t limit)
{
	x->random ^= x->random << 13;
	x->random ^= x->random >> 7;
	x->random ^= x->random << 17;
	return (size_t)(x->random >> 11) % limit;
}

/* Compares what came from @offset, which must end where the file does. */
static int compare(struct exercise *x, const char *how, size_t offset, size_t asked, ssize_t got)
{
	size_t want = offset >= x->size ? 0 : x->size - offset;
	size_t i;

	if (got < 0)
		return failed(how);
	if (want > asked)
		want = asked;
	for (i = 0; i < (size_t)got && i < want; i++)
		if (x->buffer[i] != x->model[offset + i])
			break;
	if (i == want && (size_t)got == want)
		return OK;
	printf("broken=%s at=%zu offset=%zu asked=%zu got=%zd want=%zu\n", how, offset + i, offset,
	       asked, got, want);
	return BROKEN;
}

static int one_write(struct exercise *x)
{
	size_t offset = below(x, FILE_MAX - IO_MAX), count = 1 + below(x, IO_MAX), i;
	ssize_t n;

	for (i = 0; i < count; i++)
		x->buffer[i] = (unsigned char)below(x, 256);
	n = pwrite(x->fd, x->buffer, count, (off_t)offset);
	if (n < 0)
		return failed("pwrite");
	if ((size_t)n > count) {
		printf("broken=count asked=%zu got=%zd\n", count, n);
		return BROKEN;
	}
	x->shorts += (size_t)n < count;
	memcpy(x->model + offset, x->buffer, (size_t)n);
	if (n && x->size < offset + (size_t)n)
		x->size = offset + (size_t)n;
	return OK;
}

static int one_truncate(struct exercise *x)
{
	size_t size = below(x, FILE_MAX);

	if (ftruncate(x->fd, (off_t)size))
		return failed("ftruncate");
	if (size < x->size)
		memset(x->model + size, 0, x->size - size);
	x->size = size;
	return OK;
}

static int one_map(struct exercise *x)
{
	size_t page = below(x, FILE_MAX / PAGE) * PAGE, count;
	unsigned char *map;

	if (page >= x->size)
		return OK;
	count = x->size - page < IO_MAX ? x->size - page : IO_MAX;
	map = mmap(NULL, count, PROT_READ, MAP_PRIVATE | (below(x, 2) ? MAP_POPULATE : 0),
		   x->fd, (off_t)page);
	if (map == MAP_FAILED)
		return failed("mmap");
	memcpy(x->buffer, map, count);
	munmap(map, count);
	return compare(x, "mmap", page, count, (ssize_t)count);
}

static int one_splice(struct exercise *x)
{
	size_t offset = below(x, FILE_MAX), asked = 1 + below(x, IO_MAX), got = 0;
	off_t at = (off_t)offset;
	ssize_t n, more;
	int ends[2], status = OK;

	if (pipe(ends))
		return failed("pipe");
	n = splice(x->fd, &at, ends[1], NULL, asked, 0);
	while (n > 0 && got < (size_t)n && status == OK) {
		more = read(ends[0], x->buffer + got, (size_t)n - got);
		if (more <= 0)
			status = failed("read of a pipe");
		else
			got += (size_t)more;
	}
	close(ends[0]);
	close(ends[1]);
	/* A pipe may be full before all is in it. */
	if (status == OK && n > 0 && (size_t)n < asked)
		asked = (size_t)n;
	return status == OK ? compare(x, "splice", offset, asked, n) : status;
}

static int one_read(struct exercise *x, size_t offset, size_t asked)
{
	return compare(x, "pread", offset, asked, pread(x->fd, x->buffer, asked, (off_t)offset));
}

static int one(struct exercise *x)
{
	switch (below(x, 8)) {
	case 0:
	case 1:
	case 2:
		return one_write(x);
	case 3:
		return one_truncate(x);
	case 4:
		return one_map(x);
	case 5:
		return one_splice(x);
	case 6:
		errno = posix_fadvise(x->fd, 0, 0, POSIX_FADV_DONTNEED);
		return errno ? failed("posix_fadvise") : OK;
	}
	return one_read(x, below(x, FILE_MAX), 1 + below(x, IO_MAX));
}

/* exercise FILE SEED COUNT: COUNT operations, then all of the file. */
int do_exercise(int argc, char **argv)
{
	static struct exercise x;
	uint64_t count, i;
	struct stat st;
	int status;

	if (argc < 3)
		return USAGE;
	x.random = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
	count = strtoull(argv[2], NULL, 10);
	x.fd = open(argv[0], O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (x.fd < 0)
		return failed("open");
	for (i = 0; i < count; i++) {
		status = one(&x);
		if (!status && !fstat(x.fd, &st) && (size_t)st.st_size != x.size) {
			printf("broken=size want=%zu got=%" PRId64 "\n", x.size, (int64_t)st.st_size);
			status = BROKEN;
		}
		if (status) {
			printf("operation=%" PRIu64 "\n", i);
			return status;
		}
	}
	errno = posix_fadvise(x.fd, 0, 0, POSIX_FADV_DONTNEED);
	status = one_read(&x, 0, FILE_MAX);
	if (!status)
		printf("operations=%" PRIu64 " shorts=%" PRIu64 " size=%zu\n", count, x.shorts, x.size);
	return status;
}
