// SPDX-License-Identifier: GPL-2.0-only
/* cost-loops: how many instructions a system call or a page fault takes.
 *
 *   cost-loops LOOP SIZE PATH [ROUNDS]
 *
 * Meant for a guest of QEMU with `-icount shift=0`, where the time stamp counter
 * counts executed instructions; elsewhere it measures time. A round is up to
 * 256 calls in a row on 1 MiB of file. Prints the sums of the least, the middle
 * and the most expensive round: the least is one in which no interrupt came and
 * nothing else ran, and the same each time. Exits with 1 if a call did not do
 * what the loop is about (short, a fault too many, in the cache or not).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define FILE_SIZE (1 << 20)
#define MOST_CALLS 256
#define MOST_ROUNDS 1000
#define MOST_NAME 100
/* Always the same page tables are made, however the kernel places things. */
#define MAP_AT ((void *)(1UL << 33))

struct target {
	const char *path;
	size_t size;
	unsigned int calls;
	int fd;
	/* While it is mapped. */
	const volatile char *map;
	struct rusage before;
	/* The files that a round creates. */
	char names[MOST_CALLS][MOST_NAME];
};

/* Each function returns 0, or -1 if it went wrong; @before and @after aren't counted. */
struct loop {
	const char *name;
	int (*before)(struct target *target, unsigned int round);
	int (*call)(struct target *target, unsigned int number);
	int (*after)(struct target *target);
};

static char buffer[1 << 16] __attribute__((aligned(PAGE)));

/* A function of its own, as a profiler can see when it is called. */
static __attribute__((noinline)) uint64_t instructions(void)
{
	return __builtin_ia32_rdtsc();
}

/* All of the file is in the cache (@want 1), or nothing of it (0). */
static int cached(struct target *target, int want)
{
	unsigned char in_core[FILE_SIZE / PAGE];
	void *map = mmap(NULL, FILE_SIZE, PROT_READ, MAP_PRIVATE, target->fd, 0);
	size_t i, count = 0;

	if (map == MAP_FAILED || mincore(map, FILE_SIZE, in_core))
		return -1;
	for (i = 0; i < sizeof(in_core); i++)
		count += in_core[i] & 1;
	munmap(map, FILE_SIZE);
	if (count == (want ? sizeof(in_core) : 0))
		return 0;
	fprintf(stderr, "%zu of %zu pages in the cache\n", count, sizeof(in_core));
	return -1;
}

/*
 * A file of FILE_SIZE bytes that is on the disk, and in the cache, in folios no
 * larger than a call is: one fault maps all of a folio.
 */
static int filled(struct target *target)
{
	const size_t size = target->size < PAGE ? PAGE : target->size;
	size_t done;

	target->fd = open(target->path, O_RDWR | O_CREAT, 0644);
	if (target->fd < 0)
		return -1;
	for (done = 0; done < FILE_SIZE; done += size)
		if (write(target->fd, buffer, size) != (ssize_t)size)
			return -1;
	return fsync(target->fd);
}

static int rewound(struct target *target, unsigned int round)
{
	if (!round && filled(target))
		return -1;
	return lseek(target->fd, 0, SEEK_SET) || cached(target, 1) ? -1 : 0;
}

static int not_cached(struct target *target, unsigned int round)
{
	if (!round && filled(target))
		return -1;
	if (posix_fadvise(target->fd, 0, 0, POSIX_FADV_DONTNEED))
		return -1;
	return lseek(target->fd, 0, SEEK_SET) || cached(target, 0) ? -1 : 0;
}

static int do_read(struct target *target, unsigned int number)
{
	(void)number;
	return read(target->fd, buffer, target->size) == (ssize_t)target->size ? 0 : -1;
}

static int do_write(struct target *target, unsigned int number)
{
	(void)number;
	return write(target->fd, buffer, target->size) == (ssize_t)target->size ? 0 : -1;
}

/* A new file each round: not every file system can make one shorter. */
static int new_file(struct target *target, unsigned int round)
{
	char path[MOST_NAME];

	if (target->fd >= 0)
		close(target->fd);
	snprintf(path, sizeof(path), "%s.%u", target->path, round);
	target->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0644);
	return target->fd < 0 ? -1 : 0;
}

static int mapped(struct target *target, int advice)
{
	void *map = mmap(MAP_AT, FILE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE,
			 target->fd, 0);

	if (map == MAP_FAILED || madvise(map, FILE_SIZE, advice))
		return -1;
	target->map = map;
	return getrusage(RUSAGE_SELF, &target->before);
}

static int mapped_cached(struct target *target, unsigned int round)
{
	return rewound(target, round) || mapped(target, MADV_NORMAL) ? -1 : 0;
}

static int mapped_not_cached(struct target *target, unsigned int round)
{
	/* By the page, none ahead: ->read_folio, from the fault itself. */
	int advice = target->size == PAGE ? MADV_RANDOM : MADV_NORMAL;

	return not_cached(target, round) || mapped(target, advice) ? -1 : 0;
}

/* Every page: not every file system has those around it mapped by one fault. */
static int do_touch(struct target *target, unsigned int number)
{
	size_t at, end = (number + 1) * target->size;

	for (at = number * target->size; at < end; at += PAGE)
		(void)target->map[at];
	return 0;
}

static int unmapped(struct target *target, long faults, long least, long most)
{
	munmap((void *)(uintptr_t)target->map, FILE_SIZE);
	if (faults >= least && faults <= most)
		return 0;
	fprintf(stderr, "%ld faults, %ld to %ld expected\n", faults, least, most);
	return -1;
}

static int minor_faults(struct target *target)
{
	struct rusage now;

	getrusage(RUSAGE_SELF, &now);
	return unmapped(target, now.ru_minflt - target->before.ru_minflt, target->calls,
			FILE_SIZE / PAGE);
}

/* A fault for what was read ahead is a minor one. */
static int major_faults(struct target *target)
{
	struct rusage now;

	getrusage(RUSAGE_SELF, &now);
	return unmapped(target, now.ru_majflt - target->before.ru_majflt,
			target->size == PAGE ? FILE_SIZE / PAGE : 1, FILE_SIZE / PAGE);
}

static int do_stat(struct target *target, unsigned int number)
{
	struct stat st;

	(void)number;
	return stat(target->path, &st);
}

static int do_open(struct target *target, unsigned int number)
{
	int fd = open(target->path, O_RDONLY);

	(void)number;
	return fd < 0 ? -1 : close(fd);
}

static int do_write_and_sync(struct target *target, unsigned int number)
{
	return do_write(target, number) ? -1 : fsync(target->fd);
}

/* Made here, since snprintf() costs more than some system calls. */
static int new_names(struct target *target, unsigned int round)
{
	unsigned int i;

	for (i = 0; i < target->calls; i++)
		snprintf(target->names[i], MOST_NAME, "%s.%u.%u", target->path, round, i);
	return 0;
}

static int do_create(struct target *target, unsigned int number)
{
	int fd = open(target->names[number], O_WRONLY | O_CREAT | O_EXCL, 0644);

	return fd < 0 ? -1 : close(fd);
}

/* Known beforehand: 3 instructions each time round, and what the loop adds. */
static int do_count(struct target *target, unsigned int number)
{
	uint64_t left = target->size;

	(void)number;
	__asm__ volatile("1: nop; dec %0; jnz 1b" : "+r"(left));
	return 0;
}

static int nothing(struct target *target, unsigned int round)
{
	(void)target;
	(void)round;
	return 0;
}

static int no_more(struct target *target)
{
	(void)target;
	return 0;
}

static const struct loop loops[] = {
	{ "count", nothing, do_count, no_more },
	{ "read", rewound, do_read, no_more },
	{ "read_cold", not_cached, do_read, no_more },
	{ "overwrite", rewound, do_write, no_more },
	{ "append", new_file, do_write, no_more },
	{ "fault", mapped_cached, do_touch, minor_faults },
	{ "fault_cold", mapped_not_cached, do_touch, major_faults },
	{ "stat", rewound, do_stat, no_more },
	{ "open", rewound, do_open, no_more },
	{ "create", new_names, do_create, no_more },
	{ "fsync", new_file, do_write_and_sync, no_more },
};

/* Returns the instructions of a round; 0 if it went wrong. */
static uint64_t run_round(const struct loop *loop, struct target *target, unsigned int round)
{
	uint64_t start, end;
	unsigned int i;

	if (loop->before(target, round))
		return 0;
	start = instructions();
	for (i = 0; i < target->calls; i++)
		if (loop->call(target, i))
			return 0;
	end = instructions();
	return loop->after(target) ? 0 : end - start;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	static uint64_t sums[MOST_ROUNDS];
	static struct target target = { .fd = -1 };
	const struct loop *loop = NULL;
	unsigned int rounds, i;

	if (argc < 4)
		return 2;
	for (i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		if (!strcmp(loops[i].name, argv[1]))
			loop = &loops[i];
	target.size = strtoul(argv[2], NULL, 10);
	target.path = argv[3];
	rounds = argc > 4 ? (unsigned int)strtoul(argv[4], NULL, 10) : 40;
	if (!loop || !target.size || !rounds || rounds > MOST_ROUNDS)
		return 2;
	target.calls = target.size < PAGE ? MOST_CALLS : (unsigned int)(FILE_SIZE / target.size);
	if (target.calls > MOST_CALLS)
		target.calls = MOST_CALLS;
	/* No page of it is to be touched for the first time in a round. */
	memset(buffer, 'c', sizeof(buffer));
	for (i = 0; i < rounds; i++) {
		sums[i] = run_round(loop, &target, i);
		if (!sums[i]) {
			fprintf(stderr, "cost-loops %s %zu %s: round %u went wrong: %m\n",
				loop->name, target.size, target.path, i);
			return 1;
		}
	}
	qsort(sums, rounds, sizeof(sums[0]), compare);
	printf("loop=%s size=%zu calls=%u least=%" PRIu64 " middle=%" PRIu64 " most=%" PRIu64 "\n",
	       loop->name, target.size, target.calls, sums[0], sums[rounds / 2], sums[rounds - 1]);
	return 0;
}
