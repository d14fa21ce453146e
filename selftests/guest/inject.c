// SPDX-License-Identifier: GPL-2.0-only
/*
 * glue-io: the kernel's fault injection, so that exactly the Nth allocation or the
 * Nth request of an operation fails. See Documentation/fault-injection in the kernel.
 *
 * For one task the kernel counts down from /proc/self/fail-nth. For all tasks there
 * is `interval`, which counts up from boot and can't be read or set: so the count is
 * kept here, in a file, between runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "inject.h"
#include "retry_calls.h"

#define DEBUG "/sys/kernel/debug/"
#define SECTIONS "/sys/module/ocfs2_glue/sections/"
#define SECTOR 512

unsigned int complaints;

void complain(const char *what, unsigned int n, const char *format, ...)
{
	va_list args;

	complaints++;
	printf("complaint: %s n=%u: ", what, n);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

const char *error_name(int error)
{
	const char *name = error ? strerrorname_np(error < 0 ? -error : error) : "0";

	return name ? name : "unknown";
}

static void give_up(const char *path)
{
	printf("error=%s path=%s\n", error_name(errno), path);
	exit(FAILED);
}

static void put(const char *directory, const char *file, const char *text)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s%s", directory, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		give_up(path);
	close(fd);
}

static void put_number(const char *directory, const char *file, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	put(directory, file, text);
}

static uint64_t get_number(const char *directory, const char *file)
{
	char path[PATH_MAX], text[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s%s", directory, file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		give_up(path);
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		give_up(path);
	text[n] = 0;
	close(fd);
	return strtoull(text, NULL, 0);
}

/* INJECT_VERBOSE=2: the kernel shows the stack of each failure. */
static void set_verbose(const char *directory)
{
	const char *verbose = getenv("INJECT_VERBOSE");

	put(directory, "verbose", verbose && *verbose ? verbose : "0");
	if (verbose && *verbose)
		put(directory, "verbose_ratelimit_burst", "100000");
}

/* Which part of the module's code may be on the stack of what fails: all of it. */
static void only_below_module(const char *directory)
{
	put(directory, "stacktrace-depth", "32");
	put_number(directory, "require-start", get_number(SECTIONS, ".text"));
	put_number(directory, "require-end", get_number(SECTIONS, ".exit.text"));
}

static void memory_options(const char *directory)
{
	put(directory, "probability", "0");
	put(directory, "ignore-gfp-wait", "N");
	put(directory, "task-filter", "N");
	only_below_module(directory);
	set_verbose(directory);
}

void memory_setup(void)
{
	memory_options(DEBUG "failslab/");
	memory_options(DEBUG "fail_page_alloc/");
	put(DEBUG "fail_page_alloc/", "ignore-gfp-highmem", "N");
	put(DEBUG "fail_page_alloc/", "min-order", "0");
	/* These count for a task as well: the pool has to do where an allocation fails. */
	only_below_module(DEBUG "fail_mempool_alloc/");
	only_below_module(DEBUG "fail_mempool_alloc_bulk/");
}

/* Opened before anything is armed, for opening allocates. */
static int fail_nth = -1;

static void fail_nth_write(unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	if (fail_nth < 0)
		fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	if (pwrite(fail_nth, text, (size_t)length, 0) != length)
		give_up("fail-nth");
}

void memory_arm(unsigned int n) { fail_nth_write(n); }

int memory_disarm(unsigned int n, unsigned int *seen)
{
	char text[16] = "";
	unsigned int left;

	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0)
		give_up("fail-nth");
	left = (unsigned int)strtoul(text, NULL, 10);
	fail_nth_write(0);
	*seen = n - left;
	return left != 0;
}

/* The kernel's count for one kind of failure: a file of the guest's, gone with it. */
static void counter_name(char *path, size_t size, const char *kind)
{
	snprintf(path, size, "/tmp/inject.%s", kind);
}

static uint64_t counter_get(const char *kind)
{
	char path[64];

	counter_name(path, sizeof(path), kind);
	return access(path, R_OK) ? 0 : get_number("", path);
}

static void counter_set(const char *kind, uint64_t count)
{
	char path[64];

	counter_name(path, sizeof(path), kind);
	put_number("", path, count);
}

/* Has @kind fail once, at the @n-th time from now. */
static void arm_nth(const char *kind, const char *directory, unsigned int n)
{
	uint64_t at = counter_get(kind) + n;

	counter_set(kind, at);
	put(directory, "times", "0");
	put_number(directory, "interval", at);
	put(directory, "space", "0");
	put(directory, "probability", "100");
	put(directory, "times", "1");
}

void disk_setup(const char *disk)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/block/%s/make-it-fail", disk);
	put(DEBUG "fail_make_request/", "probability", "0");
	set_verbose(DEBUG "fail_make_request/");
	put("", path, "1");
	if (counter_get("disk"))
		return;
	/* An interval of 1 isn't counted, so 1 can't be said before the count is 1. */
	disk_arm(2);
	disk_settle(disk);
}

void disk_release(const char *disk)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/block/%s/make-it-fail", disk);
	put(DEBUG "fail_make_request/", "probability", "0");
	put("", path, "0");
}

#define MANY 1000000000u

static unsigned int disk_times;

void disk_arm(unsigned int n)
{
	disk_times = 1;
	arm_nth("disk", DEBUG "fail_make_request/", n);
}

void disk_arm_all(unsigned int n)
{
	const char *directory = DEBUG "fail_make_request/";

	disk_times = MANY;
	put(directory, "times", "0");
	put(directory, "interval", "1");
	put_number(directory, "space", (uint64_t)(n - 1) * 4096 + 1);
	put(directory, "probability", "100");
	put_number(directory, "times", MANY);
}

unsigned int disk_disarm(void)
{
	unsigned int left = (unsigned int)get_number(DEBUG "fail_make_request/", "times");

	put(DEBUG "fail_make_request/", "probability", "0");
	return disk_times - left;
}

void disk_settle(const char *disk)
{
	char path[64];
	void *sector;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = open(path, O_RDONLY | O_DIRECT);
	if (fd < 0 || posix_memalign(&sector, 4096, 4096))
		give_up(path);
	put(DEBUG "fail_make_request/", "probability", "100");
	while (pread(fd, sector, 4096, 0) == 4096)
		;
	put(DEBUG "fail_make_request/", "probability", "0");
	free(sector);
	close(fd);
}

int volume_mount(const char *device)
{
	const char *type = getenv("FS");
	const char *options = getenv("INJECT_OPTIONS");

	return mount(device, MOUNT_POINT, type ? type : "ocfs2_glue", 0, options) ? -errno : 0;
}

int volume_umount(void) { return umount2(MOUNT_POINT, 0) ? -errno : 0; }

int pieces_parse(struct pieces *p, const char *word)
{
	char *end;

	memset(p, 0, sizeof(*p));
	if (!strcmp(word, "-"))
		return 1;
	p->times = 1;
	p->offset = strtoll(word, &end, 10);
	if (*end != ':')
		return 0;
	p->length = strtoull(end + 1, &end, 10);
	if (*end == ':')
		p->step = strtoll(end + 1, &end, 10);
	if (*end == ':')
		p->times = (unsigned int)strtoul(end + 1, &end, 10);
	return !*end && p->length;
}

off_t pieces_end(const struct pieces *p)
{
	return p->times ? p->offset + (p->times - 1) * p->step + (off_t)p->length : 0;
}

void pieces_make(unsigned char *out, const char *seed, const struct pieces *p)
{
	unsigned int i;

	for (i = 0; i < p->times; i++) {
		off_t at = p->offset + i * p->step;

		bytes_make(out + at, seed, at, p->length);
	}
}

int piece_write(int fd, const char *seed, off_t offset, size_t length)
{
	unsigned char *bytes = malloc(length);
	ssize_t n;

	bytes_make(bytes, seed, offset, length);
	n = pwrite(fd, bytes, length, offset);
	free(bytes);
	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -ENODATA;
}

int bytes_expect(const char *path, const unsigned char *want, size_t length)
{
	unsigned char *have = calloc(1, length + 1);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : pread(fd, have, length + 1, 0);
	size_t i;

	if (n < 0)
		printf("content: %s: %s\n", path, error_name(errno));
	for (i = 0; n >= 0 && i < length && i < (size_t)n && have[i] == want[i]; i++)
		;
	if (n >= 0 && (i < length || (size_t)n != length))
		printf("content: %s: length %zd, wanted %zu; as wanted up to %zu, there 0x%02x\n",
		       path, n, length, i, have[i]);
	if (fd >= 0)
		close(fd);
	free(have);
	return n >= 0 && i == length && (size_t)n == length ? 0 : -1;
}

/* Has this task's own allocations count until one fails. */
static void slab_settle(void)
{
	const char *directory = DEBUG "failslab/";
	int fd = open("/proc/self/make-it-fail", O_WRONLY);

	put(directory, "probability", "0");
	put(directory, "task-filter", "Y");
	put(directory, "require-start", "0");
	put_number(directory, "require-end", UINT64_MAX);
	put(directory, "probability", "100");
	if (write(fd, "1", 1) != 1)
		give_up("make-it-fail");
	while (access("/there is no such file", R_OK) && errno != ENOMEM)
		;
	if (pwrite(fd, "0", 1, 0) != 1)
		give_up("make-it-fail");
	close(fd);
}

/*
 * worker-arm slab|page N: the Nth allocation under the module's frames fails, in
 * whatever task. worker-end slab|page: prints whether one did.
 */
static int worker_arm(int argc, char **argv)
{
	unsigned int n;

	if (argc < 2)
		return USAGE;
	n = (unsigned int)strtoul(argv[1], NULL, 10);
	memory_setup();
	if (!strcmp(argv[0], "slab")) {
		if (!counter_get("slab")) {
			arm_nth("slab", DEBUG "failslab/", 2);
			slab_settle();
			memory_setup();
		}
		arm_nth("slab", DEBUG "failslab/", n);
		return OK;
	}
	/* Here `space` counts pages. */
	put(DEBUG "fail_page_alloc/", "times", "0");
	put(DEBUG "fail_page_alloc/", "interval", "1");
	put_number(DEBUG "fail_page_alloc/", "space", n);
	put(DEBUG "fail_page_alloc/", "probability", "100");
	put(DEBUG "fail_page_alloc/", "times", "1");
	return OK;
}

static int worker_end(int argc, char **argv)
{
	const char *directory;
	uint64_t left;

	if (argc < 1)
		return USAGE;
	directory = strcmp(argv[0], "slab") ? DEBUG "fail_page_alloc/" : DEBUG "failslab/";
	left = get_number(directory, "times");
	if (left && !strcmp(argv[0], "slab"))
		slab_settle();
	put(directory, "probability", "0");
	memory_setup();
	printf("failed=%d\n", !left);
	return OK;
}

const struct command inject_commands[] = {
	{ "worker-arm", "slab|page N", worker_arm },
	{ "worker-end", "slab|page", worker_end },
	{ NULL, NULL, NULL },
};
