// SPDX-License-Identifier: GPL-2.0-only
/* glue-io: system calls of which each result counts: how many bytes, which
 * error, and where the file position is afterwards.
 *
 * A byte of a file follows from a seed and from where the byte is, so that a
 * read of any length from anywhere can be checked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "retry_calls.h"

#define PAGE 4096
#define PIECE 777
#define PIECES_MAX 1024

int request_parse(struct request *r, int argc, char **argv)
{
	if (argc < REQUEST_WORDS)
		return 0;
	r->path = argv[0];
	r->offset = atoll(argv[1]);
	r->count = strtoul(argv[2], NULL, 10);
	r->seed = argv[3];
	return 1;
}

int has(const char *word, int argc, char **argv)
{
	int i;

	for (i = REQUEST_WORDS; i < argc; i++)
		if (!strcmp(argv[i], word))
			return 1;
	return 0;
}

void bytes_make(unsigned char *out, const char *seed, off_t offset, size_t count)
{
	uint64_t base = strtoull(seed, NULL, 10) * 0x9e3779b97f4a7c15u;
	size_t i;

	if (!strcmp(seed, "zero")) {
		memset(out, 0, count);
		return;
	}
	for (i = 0; i < count; i++) {
		uint64_t place = (uint64_t)offset + i;
		uint64_t word = (base ^ (place >> 3)) * 0xbf58476d1ce4e5b9u;

		out[i] = (unsigned char)((word ^ word >> 29) >> (place & 7) * 8);
	}
}

int bytes_check(const struct request *r, const unsigned char *have, size_t count)
{
	unsigned char *want = malloc(count ? count : 1);
	size_t i;

	bytes_make(want, r->seed, r->offset, count);
	for (i = 0; i < count; i++)
		if (want[i] != have[i])
			break;
	free(want);
	if (i == count)
		return OK;
	printf("broken=bytes at=%" PRIu64 "\n", (uint64_t)r->offset + i);
	return BROKEN;
}

void print_result(const char *name, ssize_t n)
{
	if (n < 0)
		printf("%s=%s", name, strerrorname_np(errno));
	else
		printf("%s=%zd", name, n);
}

/*
 * write FILE OFFSET COUNT SEED [pieces] [nowait] [append] [direct] [gap]: one
 * call, at the file position. pieces: from many buffers; gap: as if there were
 * one page more than there is.
 */
static int do_write(int argc, char **argv)
{
	struct iovec pieces[PIECES_MAX];
	struct request r;
	unsigned char *buffer;
	size_t done = 0, room, gap;
	int fd, used = 0, flags;
	ssize_t n;

	if (!request_parse(&r, argc, argv))
		return USAGE;
	flags = O_RDWR | O_CREAT;
	flags |= has("append", argc, argv) ? O_APPEND : 0;
	flags |= has("direct", argc, argv) ? O_DIRECT : 0;
	fd = open(r.path, flags, 0755);
	if (fd < 0)
		return failed("open");
	if (lseek(fd, r.offset, SEEK_SET) < 0)
		return failed("lseek");
	/* The data ends where a page ends, and the next page can't be read. */
	room = (r.count + PAGE - 1) / PAGE * PAGE;
	buffer = mmap(NULL, room + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED || mprotect(buffer + room, PAGE, PROT_NONE))
		return failed("mmap");
	buffer += room - r.count;
	bytes_make(buffer, r.seed, r.offset, r.count);
	gap = has("gap", argc, argv) ? PAGE : 0;
	while (done < r.count + gap && used < PIECES_MAX) {
		size_t piece = r.count + gap - done;

		if (has("pieces", argc, argv) && piece > PIECE && used < PIECES_MAX - 1)
			piece = PIECE;
		pieces[used].iov_base = buffer + done;
		pieces[used++].iov_len = piece;
		done += piece;
	}
	n = pwritev2(fd, pieces, used, -1, has("nowait", argc, argv) ? RWF_NOWAIT : 0);
	print_result("wrote", n);
	printf(" position=%" PRId64 "\n", (int64_t)lseek(fd, 0, SEEK_CUR));
	return close(fd) ? failed("close") : OK;
}

/* Arms aop_probe with the line that comes on standard input. */
static int arm_from_input(void)
{
	char line[128];
	ssize_t n = read(0, line, sizeof(line));
	int fd = open("/sys/kernel/debug/aop_probe/arm", O_WRONLY);

	if (n <= 0 || fd < 0 || write(fd, line, (size_t)n) != n)
		return failed("arm");
	return close(fd) ? failed("arm") : OK;
}

/*
 * read FILE OFFSET COUNT SEED|zero [nowait] [armed]: one call, at the file
 * position. armed: a probe comes on standard input, for the call alone.
 */
static int do_read(int argc, char **argv)
{
	struct request r;
	struct iovec all;
	int fd, status;
	ssize_t n;

	if (!request_parse(&r, argc, argv))
		return USAGE;
	fd = open(r.path, O_RDONLY);
	if (fd < 0)
		return failed("open");
	if (lseek(fd, r.offset, SEEK_SET) < 0)
		return failed("lseek");
	all.iov_base = malloc(r.count);
	all.iov_len = r.count;
	if (has("armed", argc, argv) && arm_from_input())
		return FAILED;
	n = preadv2(fd, &all, 1, -1, has("nowait", argc, argv) ? RWF_NOWAIT : 0);
	print_result("read", n);
	printf(" position=%" PRId64 "\n", (int64_t)lseek(fd, 0, SEEK_CUR));
	status = bytes_check(&r, all.iov_base, n > 0 ? (size_t)n : 0);
	free(all.iov_base);
	close(fd);
	return status;
}

/* splice FILE OFFSET COUNT SEED|zero: one call into a pipe, of 64 KiB at most. */
static int do_splice(int argc, char **argv)
{
	struct request r;
	unsigned char *buffer;
	size_t got = 0;
	int fd, ends[2], status;
	ssize_t n, more;

	if (!request_parse(&r, argc, argv))
		return USAGE;
	fd = open(r.path, O_RDONLY);
	if (fd < 0 || pipe(ends))
		return failed("open");
	if (lseek(fd, r.offset, SEEK_SET) < 0)
		return failed("lseek");
	buffer = malloc(r.count);
	n = splice(fd, NULL, ends[1], NULL, r.count, 0);
	print_result("spliced", n);
	printf(" position=%" PRId64 "\n", (int64_t)lseek(fd, 0, SEEK_CUR));
	while (n > 0 && got < (size_t)n) {
		more = read(ends[0], buffer + got, (size_t)n - got);
		if (more <= 0)
			return failed("read");
		got += (size_t)more;
	}
	status = bytes_check(&r, buffer, got);
	free(buffer);
	return status;
}

/* How many pages of this task's memory are in its page tables. */
static int pages_present(const unsigned char *from, size_t count)
{
	int fd = open("/proc/self/pagemap", O_RDONLY), present = 0;
	uintptr_t page;
	uint64_t entry;

	for (page = (uintptr_t)from / PAGE; page * PAGE < (uintptr_t)from + count; page++)
		if (pread(fd, &entry, sizeof(entry), (off_t)(page * sizeof(entry))) == sizeof(entry))
			present += entry >> 63;
	close(fd);
	return present;
}

/* Reads @count bytes at @from of this task's memory as a debugger would. */
static ssize_t read_own_memory(unsigned char *to, const void *from, size_t count)
{
	int fd = open("/proc/self/mem", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : pread(fd, to, count, (off_t)(uintptr_t)from);

	if (fd >= 0)
		close(fd);
	return n;
}

/*
 * map touch|populate|procmem|code FILE OFFSET COUNT SEED|zero: through page
 * tables that are filled by faults, by mmap, or by reading /proc/self/mem.
 * populate also tells how many pages were there before they were touched.
 * code: an executable mapping; prints the first byte. OFFSET is page-aligned.
 */
static int do_map(int argc, char **argv)
{
	struct request r;
	unsigned char *map, *buffer;
	int fd, prot = PROT_READ, flags = MAP_PRIVATE;

	if (argc < 1 || !request_parse(&r, argc - 1, argv + 1))
		return USAGE;
	if (!strcmp(argv[0], "code"))
		prot |= PROT_EXEC;
	if (!strcmp(argv[0], "populate"))
		flags |= MAP_POPULATE;
	fd = open(r.path, O_RDONLY);
	if (fd < 0)
		return failed("open");
	buffer = malloc(r.count);
	memset(buffer, 0, r.count);
	map = mmap(NULL, r.count, prot, flags, fd, r.offset);
	if (map == MAP_FAILED)
		return failed("mmap");
	if (prot & PROT_EXEC) {
		printf("first=%02x\n", map[0]);
		return OK;
	}
	if (!strcmp(argv[0], "procmem")) {
		ssize_t n = read_own_memory(buffer, map, r.count);

		print_result("mapped", n);
		printf("\n");
		return n < 0 ? FAILED : bytes_check(&r, buffer, (size_t)n);
	}
	if (flags & MAP_POPULATE)
		printf("present=%d ", pages_present(map, r.count));
	memcpy(buffer, map, r.count);
	printf("mapped=%zu\n", r.count);
	return bytes_check(&r, buffer, r.count);
}

/* uncache FILE: what of it is clean and not mapped leaves the page cache. */
static int do_uncache(int argc, char **argv)
{
	int fd = argc < 1 ? -1 : open(argv[0], O_RDONLY);

	if (argc < 1)
		return USAGE;
	if (fd < 0)
		return failed("open");
	errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return errno ? failed("posix_fadvise") : OK;
}

/* readlink PATH */
static int do_readlink(int argc, char **argv)
{
	char target[PAGE + 1];
	ssize_t n;

	if (argc < 1)
		return USAGE;
	n = readlink(argv[0], target, PAGE);
	print_result("length", n);
	printf(" target=%.*s\n", n > 0 ? (int)n : 0, target);
	return OK;
}

const struct command retry_commands[] = {
	{ "write", "FILE OFFSET COUNT SEED [pieces] [nowait] [append] [direct] [gap]", do_write },
	{ "read", "FILE OFFSET COUNT SEED|zero [nowait] [armed]", do_read },
	{ "splice", "FILE OFFSET COUNT SEED|zero", do_splice },
	{ "map", "touch|populate|procmem|code FILE OFFSET COUNT SEED|zero", do_map },
	{ "uncache", "FILE", do_uncache },
	{ "readlink", "PATH", do_readlink },
	{ "uring", "read|write FILE OFFSET COUNT SEED [nowait]", do_uring },
	{ "exercise", "FILE SEED COUNT", do_exercise },
	{ "ahead", "readahead|fadvise|madvise FILE OFFSET COUNT", do_ahead },
	{ "verity", "FILE", do_verity },
	{ "dedupe", "FILE OTHER COUNT", do_dedupe },
	{ "swapon", "FILE", do_swapon },
	{ "nowait", "FILE OFFSET", do_nowait },
	{ NULL, NULL, NULL },
};
