// SPDX-License-Identifier: GPL-2.0-only
/* glue-io: single system calls, and data by pattern, so that a test can say
 * exactly what it wants and see exactly which error came back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "glue_io.h"

#define BLOCK 4096

/* A block's worth of bytes that follow from the seed and the block's place. */
static void pattern(unsigned char *block, uint64_t seed, uint64_t place)
{
	uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15u ^ (place + 1) * 0xbf58476d1ce4e5b9u;
	int i;

	for (i = 0; i < BLOCK; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		block[i] = (unsigned char)state;
	}
}

/* write-pattern FILE SEED FIRST COUNT [STEP]: COUNT blocks, each STEP after the last. */
static int write_pattern(int argc, char **argv)
{
	unsigned char block[BLOCK];
	uint64_t seed, first, count, step, i;
	int fd;

	if (argc < 4)
		return USAGE;
	seed = strtoull(argv[1], NULL, 10);
	first = strtoull(argv[2], NULL, 10);
	count = strtoull(argv[3], NULL, 10);
	step = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
	fd = open(argv[0], O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		return failed("open");
	for (i = 0; i < count; i++) {
		uint64_t place = first + i * step;
		ssize_t n;

		pattern(block, seed, place);
		n = pwrite(fd, block, BLOCK, (off_t)(place * BLOCK));
		if (n != BLOCK) {
			printf("written=%" PRIu64 " short=%zd ", i, n);
			return n < 0 ? failed("pwrite") : BROKEN;
		}
	}
	if (fsync(fd)) {
		printf("written=%" PRIu64 " ", count);
		return failed("fsync");
	}
	if (close(fd))
		return failed("close");
	printf("written=%" PRIu64 "\n", count);
	return OK;
}

/* write-fault FILE OFFSET LENGTH GOOD: one write, from memory of which only the first GOOD bytes
 * are there. Prints how many were written, or the error.
 */
static int write_fault(int argc, char **argv)
{
	size_t length, good;
	char *memory;
	ssize_t n;
	int fd;

	if (argc < 4)
		return USAGE;
	length = strtoull(argv[2], NULL, 10);
	good = strtoull(argv[3], NULL, 10);
	if (length > 16 * BLOCK || good > BLOCK)
		return USAGE;
	memory = mmap(NULL, 17 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return failed("mmap");
	memset(memory, 'x', BLOCK);
	if (munmap(memory + BLOCK, 16 * BLOCK))
		return failed("munmap");
	fd = open(argv[0], O_WRONLY);
	if (fd < 0)
		return failed("open");
	n = pwrite(fd, memory + BLOCK - good, length, atoll(argv[1]));
	if (n < 0)
		printf("%s\n", strerrorname_np(errno));
	else
		printf("%zd\n", n);
	return close(fd) ? failed("close") : OK;
}

/* The ways to read a block; each returns how many bytes came. */
static ssize_t get_read(int fd, void *block, uint64_t place)
{
	return pread(fd, block, BLOCK, (off_t)(place * BLOCK));
}

static ssize_t get_mmap(int fd, void *block, uint64_t place)
{
	void *map = mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, fd, (off_t)(place * BLOCK));

	if (map == MAP_FAILED)
		return -1;
	memcpy(block, map, BLOCK);
	munmap(map, BLOCK);
	return BLOCK;
}

static ssize_t get_splice(int fd, void *block, uint64_t place)
{
	off_t offset = (off_t)(place * BLOCK);
	ssize_t n, got = 0;
	int ends[2];

	if (pipe(ends))
		return -1;
	n = splice(fd, &offset, ends[1], NULL, BLOCK, 0);
	while (n > 0 && got < n) {
		ssize_t more = read(ends[0], (char *)block + got, (size_t)(n - got));

		if (more <= 0)
			break;
		got += more;
	}
	close(ends[0]);
	close(ends[1]);
	return n < 0 ? n : got;
}

static ssize_t get_sendfile(int fd, void *block, uint64_t place)
{
	off_t offset = (off_t)(place * BLOCK);
	int memory = memfd_create("block", 0);
	ssize_t n;

	if (memory < 0)
		return -1;
	n = sendfile(memory, fd, &offset, BLOCK);
	if (n > 0 && pread(memory, block, (size_t)n, 0) != n)
		n = -1;
	close(memory);
	return n;
}

/* read-pattern HOW FILE SEED|zero FIRST COUNT [STEP]: the bytes must be the pattern. */
static int read_pattern(int argc, char **argv)
{
	unsigned char want[BLOCK], have[BLOCK];
	ssize_t (*get)(int fd, void *block, uint64_t place) = get_read;
	uint64_t seed, first, count, step, i;
	int fd, zero;

	if (argc < 5)
		return USAGE;
	if (!strcmp(argv[0], "mmap"))
		get = get_mmap;
	else if (!strcmp(argv[0], "splice"))
		get = get_splice;
	else if (!strcmp(argv[0], "sendfile"))
		get = get_sendfile;
	else if (strcmp(argv[0], "read"))
		return USAGE;
	zero = !strcmp(argv[2], "zero");
	seed = strtoull(argv[2], NULL, 10);
	first = strtoull(argv[3], NULL, 10);
	count = strtoull(argv[4], NULL, 10);
	step = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
	fd = open(argv[1], O_RDONLY);
	if (fd < 0)
		return failed("open");
	for (i = 0; i < count; i++) {
		uint64_t place = first + i * step;
		ssize_t n = get(fd, have, place);

		if (n < 0)
			return failed(argv[0]);
		if (zero)
			memset(want, 0, BLOCK);
		else
			pattern(want, seed, place);
		if (n != BLOCK || memcmp(want, have, BLOCK)) {
			printf("broken=bytes block=%" PRIu64 " length=%zd\n", place, n);
			return BROKEN;
		}
	}
	printf("read=%" PRIu64 "\n", count);
	return OK;
}

/* allocate FILE FIRST COUNT: unwritten extents; the size stays inside them. */
static int allocate(int argc, char **argv)
{
	int fd;

	if (argc < 3)
		return USAGE;
	fd = open(argv[0], O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		return failed("open");
	if (fallocate(fd, 0, atoll(argv[1]) * BLOCK, atoll(argv[2]) * BLOCK))
		return failed("fallocate");
	return close(fd) ? failed("close") : OK;
}

static int map_writable(const char *path)
{
	int fd = open(path, O_RDWR);
	void *map;

	if (fd < 0)
		return -1;
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return map == MAP_FAILED ? -1 : 0;
}

static int open_with(const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	return fd < 0 ? -1 : close(fd);
}

static int fallocate_mode(const char *path, int mode)
{
	int fd = open(path, O_RDWR);
	int result = fd < 0 ? -1 : fallocate(fd, mode, 0, BLOCK);
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return result;
}

/* -2: no such call. */
static int call(const char *name, const char *a, const char *b)
{
	if (!strcmp(name, "rename"))
		return rename(a, b);
	if (!strcmp(name, "link"))
		return link(a, b);
	if (!strcmp(name, "symlink"))
		return symlink(b, a);
	if (!strcmp(name, "unlink"))
		return unlink(a);
	if (!strcmp(name, "mkdir"))
		return mkdir(a, 0755);
	if (!strcmp(name, "rmdir"))
		return rmdir(a);
	if (!strcmp(name, "mknod"))
		return mknod(a, S_IFIFO | 0644, 0);
	if (!strcmp(name, "truncate"))
		return truncate(a, atoll(b));
	if (!strcmp(name, "chmod"))
		return chmod(a, 0600);
	if (!strcmp(name, "chown"))
		return chown(a, 1, 1);
	if (!strcmp(name, "utimes"))
		return utimes(a, NULL);
	if (!strcmp(name, "setxattr"))
		return setxattr(a, "user.glue", "value", 5, 0);
	if (!strcmp(name, "getxattr"))
		return getxattr(a, "user.glue", NULL, 0) < 0 ? -1 : 0;
	if (!strcmp(name, "mmap-shared-write"))
		return map_writable(a);
	if (!strcmp(name, "open-direct"))
		return open_with(a, O_RDONLY | O_DIRECT);
	if (!strcmp(name, "open-truncate"))
		return open_with(a, O_WRONLY | O_TRUNC);
	if (!strcmp(name, "open-write"))
		return open_with(a, O_WRONLY);
	if (!strcmp(name, "open-read"))
		return open_with(a, O_RDONLY);
	if (!strcmp(name, "create"))
		return open_with(a, O_WRONLY | O_CREAT | O_EXCL);
	if (!strcmp(name, "fallocate"))
		return fallocate_mode(a, 0);
	if (!strcmp(name, "punch-hole"))
		return fallocate_mode(a, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	return -2;
}

/* try CALL PATH [ARGUMENT]: prints 0 or the error's name; the exit is 0. */
static int try_call(int argc, char **argv)
{
	int result;

	if (argc < 2)
		return USAGE;
	result = call(argv[0], argv[1], argc > 2 ? argv[2] : "");
	if (result == -2)
		return USAGE;
	printf("%s\n", result ? strerrorname_np(errno) : "0");
	return OK;
}

/* statfs PATH: what df would say, in blocks. */
static int print_statfs(int argc, char **argv)
{
	struct statvfs s;

	if (argc < 1)
		return USAGE;
	if (statvfs(argv[0], &s))
		return failed("statvfs");
	printf("block=%lu blocks=%lu free=%lu files=%lu name_max=%lu\n", s.f_frsize,
	       (unsigned long)s.f_blocks, (unsigned long)s.f_bfree, (unsigned long)s.f_files,
	       s.f_namemax);
	return OK;
}

/* tsc: how fast this machine's time stamp counter runs, in kHz. */
static int print_tsc(int argc, char **argv)
{
	uint64_t ns, ticks;

	(void)argc;
	(void)argv;
	ns = now_ns();
	ticks = __builtin_ia32_rdtsc();
	usleep(100000);
	ticks = __builtin_ia32_rdtsc() - ticks;
	ns = now_ns() - ns;
	printf("%" PRIu64 "\n", ticks * 1000000 / ns);
	return OK;
}

const struct command call_commands[] = {
	{ "write-pattern", "FILE SEED FIRST COUNT [STEP]", write_pattern },
	{ "write-fault", "FILE OFFSET LENGTH GOOD", write_fault },
	{ "read-pattern", "read|mmap|splice|sendfile FILE SEED|zero FIRST COUNT [STEP]", read_pattern },
	{ "allocate", "FILE FIRST COUNT", allocate },
	{ "try", "CALL PATH [ARGUMENT]", try_call },
	{ "statfs", "PATH", print_statfs },
	{ "fault-fork", "FILE READY GO", fault_fork },
	{ "tsc", "", print_tsc },
	{ NULL, NULL, NULL },
};
