// SPDX-License-Identifier: GPL-2.0-only
/*
 * glue-io: an operation again and again, and each time another allocation of it
 * fails: the first, the second, and so on until it goes through. After each failure
 * the call said ENOMEM or succeeded, and the next call works.
 *
 * The files are DIR/fNNN, or DIR/dNNN for directories, one for each time, made by
 * inject-prepare with the in-tree driver.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "inject.h"
#include "retry_calls.h"

#define NAME_LENGTH 255

struct test;

struct operation {
	const char *name;
	const char *usage;
	int words;
	/* Puts in place what time @n needs; nothing fails. 0, or -errno. */
	int (*prepare)(struct test *t, unsigned int n);
	/* The call. 0, or -errno. */
	int (*run)(struct test *t, unsigned int n);
	/* What must be true once the call went through at last. */
	void (*check)(struct test *t, unsigned int n);
};

struct test {
	const struct operation *op;
	char **words;
	struct pieces pieces;
	unsigned int length;
	int fd;
	char path[PATH_MAX];
	char name[NAME_LENGTH + 1];
};

static const char *path_of(struct test *t, char kind, unsigned int n)
{
	snprintf(t->path, sizeof(t->path), "%s/%c%03u", t->words[0], kind, n);
	return t->path;
}

/* A name of that length, another for each number. */
static void name_make(char *name, unsigned int length, unsigned int number)
{
	char digits[16];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%u", number);

	memset(name, 'n', length);
	name[length] = 0;
	memcpy(name, digits, n < length ? n : length);
}

static int no_prepare(struct test *t, unsigned int n)
{
	(void)t;
	(void)n;
	return 0;
}

static void no_check(struct test *t, unsigned int n)
{
	(void)t;
	(void)n;
}

/* create DIR LENGTH: a file with a name of LENGTH bytes in DIR/dNNN. */

static int create_prepare(struct test *t, unsigned int n)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = open(path_of(t, 'd', n), O_RDONLY | O_DIRECTORY);
	if (t->fd < 0)
		return -errno;
	memset(t->name, 'c', t->length);
	t->name[t->length] = 0;
	return 0;
}

static int create_run(struct test *t, unsigned int n)
{
	int fd = openat(t->fd, t->name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	(void)n;
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void create_check(struct test *t, unsigned int n)
{
	struct stat st;

	if (fstatat(t->fd, t->name, &st, 0))
		complain(t->op->name, n, "what was created: %s", error_name(errno));
}

/* stat DIR: of DIR/fNNN, which nobody has looked at before. */

static int stat_run(struct test *t, unsigned int n)
{
	struct stat st;

	return stat(path_of(t, 'f', n), &st) ? -errno : 0;
}

/* readdir DIR: all of DIR/dNNN. */

static int readdir_run(struct test *t, unsigned int n)
{
	unsigned int count = 0;
	struct dirent *entry;
	int error;
	DIR *dir = opendir(path_of(t, 'd', n));

	if (!dir)
		return -errno;
	errno = 0;
	while ((entry = readdir(dir)))
		count++;
	error = errno;
	closedir(dir);
	if (!error && count != t->length + 2)
		complain(t->op->name, n, "%u names without an error", count);
	return -error;
}

/* read DIR PIECES: DIR/fNNN, which has these. */

static int read_run(struct test *t, unsigned int n)
{
	size_t size = (size_t)pieces_end(&t->pieces);
	unsigned char *want = calloc(1, size), *have = calloc(1, size);
	int fd = open(path_of(t, 'f', n), O_RDONLY), result = 0;
	ssize_t count;

	if (fd < 0) {
		result = -errno;
	} else {
		count = pread(fd, have, size, 0);
		result = count < 0 ? -errno : 0;
		pieces_make(want, SEED_OLD, &t->pieces);
		if (count > 0 && memcmp(want, have, (size_t)count))
			complain(t->op->name, n, "wrong bytes");
		/* An error behind the first byte makes a short read. */
		if (count >= 0 && (size_t)count != size)
			result = -ENOMEM;
		close(fd);
	}
	free(want);
	free(have);
	return result;
}

/*
 * write DIR PIECE: the piece of DIR/fNNN. With a step, piece N of DIR/f000, one file
 * for all.
 */

static int write_open(struct test *t, unsigned int n, int flags)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = open(path_of(t, 'f', t->pieces.step ? 0 : n), O_RDWR | flags);
	return t->fd < 0 ? -errno : 0;
}

static int write_prepare(struct test *t, unsigned int n) { return write_open(t, n, 0); }

static int write_run(struct test *t, unsigned int n)
{
	off_t at = t->pieces.offset + (t->pieces.step ? (off_t)(n - 1) * t->pieces.step : 0);
	int result = piece_write(t->fd, SEED_NEW, at, t->pieces.length);

	/* A short write is one that failed behind its first byte. */
	return result == -ENODATA ? -ENOMEM : result;
}

/* fsync DIR PIECE: of what was written just before. */

static int fsync_prepare(struct test *t, unsigned int n)
{
	int result = write_open(t, n, 0);

	return result ? result : write_run(t, n);
}

static int fsync_run(struct test *t, unsigned int n)
{
	(void)n;
	return fsync(t->fd) ? -errno : 0;
}

/* truncate DIR SIZE: DIR/fNNN becomes as long as that. */

static int truncate_run(struct test *t, unsigned int n)
{
	return truncate(path_of(t, 'f', n), t->length) ? -errno : 0;
}

static void truncate_check(struct test *t, unsigned int n)
{
	struct stat st;

	if (stat(path_of(t, 'f', n), &st) || st.st_size != (off_t)t->length)
		complain(t->op->name, n, "size %lld", (long long)st.st_size);
}

/* statfs DIR */

static int statfs_run(struct test *t, unsigned int n)
{
	struct statvfs s;

	(void)n;
	return statvfs(t->words[0], &s) ? -errno : 0;
}

/* mount DEVICE */

static int mount_run(struct test *t, unsigned int n)
{
	(void)n;
	return volume_mount(t->words[0]);
}

/* It takes changes, and goes. */
static void mount_check(struct test *t, unsigned int n)
{
	int fd = open(MOUNT_POINT "/probe", O_RDWR | O_CREAT, 0644), result;

	if (fd < 0)
		complain(t->op->name, n, "create: %s", error_name(errno));
	result = fd < 0 ? 0 : piece_write(fd, SEED_NEW, 0, 100);
	if (!result && fd >= 0 && fsync(fd))
		result = -errno;
	if (result)
		complain(t->op->name, n, "write and fsync: %s", error_name(result));
	if (fd >= 0)
		close(fd);
	result = volume_umount();
	if (result)
		complain(t->op->name, n, "umount: %s", error_name(result));
}

/* unmount DEVICE PIECE: with the piece written to a file, and not synced. */

static int unmount_prepare(struct test *t, unsigned int n)
{
	int result = volume_mount(t->words[0]), fd;
	char path[64];

	if (result)
		return result;
	snprintf(path, sizeof(path), MOUNT_POINT "/f%03u", n);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	if (fd < 0)
		return -errno;
	result = piece_write(fd, SEED_NEW, 0, t->pieces.length);
	close(fd);
	return result;
}

static int unmount_run(struct test *t, unsigned int n)
{
	(void)t;
	(void)n;
	return volume_umount();
}

static void unmount_check(struct test *t, unsigned int n)
{
	unsigned char *want = malloc(t->pieces.length);
	int result = volume_mount(t->words[0]);
	char path[64];

	if (result) {
		complain(t->op->name, n, "mount: %s", error_name(result));
	} else {
		snprintf(path, sizeof(path), MOUNT_POINT "/f%03u", n);
		bytes_make(want, SEED_NEW, 0, t->pieces.length);
		if (bytes_expect(path, want, t->pieces.length))
			complain(t->op->name, n, "what was written before isn't there");
		volume_umount();
	}
	free(want);
}

static const struct operation operations[] = {
	{ "create", "DIR LENGTH", 2, create_prepare, create_run, create_check },
	{ "stat", "DIR", 1, no_prepare, stat_run, no_check },
	{ "readdir", "DIR COUNT", 2, no_prepare, readdir_run, no_check },
	{ "read", "DIR PIECES", 2, no_prepare, read_run, no_check },
	{ "write", "DIR PIECE", 2, write_prepare, write_run, no_check },
	{ "fsync", "DIR PIECE", 2, fsync_prepare, fsync_run, no_check },
	{ "truncate", "DIR SIZE", 2, no_prepare, truncate_run, truncate_check },
	{ "statfs", "DIR", 1, no_prepare, statfs_run, no_check },
	{ "mount", "DEVICE", 1, no_prepare, mount_run, mount_check },
	{ "unmount", "DEVICE PIECE", 2, unmount_prepare, unmount_run, unmount_check },
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* Whether the volume still takes changes. The probe is a file that was there before. */
static int is_writable(struct test *t)
{
	int fd, result;

	if (t->op->prepare == unmount_prepare || t->op->run == mount_run)
		return 1;
	fd = open(MOUNT_POINT "/probe", O_RDWR);
	result = fd < 0 ? -errno : piece_write(fd, SEED_NEW, 0, 100);
	if (!result && fsync(fd))
		result = -errno;
	if (fd >= 0)
		close(fd);
	if (result)
		printf("probe: %s\n", error_name(result));
	return !result;
}

struct counts {
	unsigned int points, refused, done;
};

/* One time. Whether to go on. */
static int one_time(struct test *t, unsigned int n, struct counts *counts)
{
	int result = t->op->prepare(t, n), whole, again;
	unsigned int seen;

	if (result) {
		complain(t->op->name, n, "before: %s", error_name(result));
		return 0;
	}
	memory_arm(n);
	result = t->op->run(t, n);
	whole = memory_disarm(n, &seen);
	if (!whole) {
		counts->points++;
		counts->refused += result != 0;
		counts->done += result == 0;
	}
	if (result && (whole || result != -ENOMEM))
		complain(t->op->name, n, "said %s", error_name(result));
	if (!is_writable(t)) {
		complain(t->op->name, n, "said %s, and the volume takes no more changes",
			 error_name(result));
		return 0;
	}
	if (result) {
		again = t->op->run(t, n);
		if (again)
			complain(t->op->name, n, "said %s, and then %s", error_name(result),
				 error_name(again));
	}
	t->op->check(t, n);
	return !whole;
}

/* inject-memory OPERATION WORD... [FIRST]: from the FIRST allocation on. */
static int inject_memory(int argc, char **argv)
{
	struct counts counts = { 0, 0, 0 };
	struct test t;
	unsigned int n = 1, i;

	memset(&t, 0, sizeof(t));
	t.fd = -1;
	for (i = 0; argc > 0 && i < OPERATIONS; i++)
		if (!strcmp(operations[i].name, argv[0]))
			t.op = &operations[i];
	if (!t.op || argc <= t.op->words)
		return USAGE;
	t.words = argv + 1;
	if (t.op->words > 1 && strchr(t.words[1], ':') && !pieces_parse(&t.pieces, t.words[1]))
		return USAGE;
	if (t.op->words > 1)
		t.length = (unsigned int)strtoul(t.words[1], NULL, 10);
	if (argc > t.op->words + 1)
		n = (unsigned int)strtoul(argv[t.op->words + 1], NULL, 10);
	memory_setup();
	memory_arm(0);
	while (one_time(&t, n, &counts))
		n++;
	if (t.fd >= 0)
		close(t.fd);
	printf("operation=%s points=%u refused=%u done=%u last=%u complaints=%u\n", t.op->name,
	       counts.points, counts.refused, counts.done, n, complaints);
	return complaints ? BROKEN : OK;
}

/*
 * inject-prepare directories DIR COUNT LINKS LENGTH: DIR/d001 and on, each with LINKS
 * names of LENGTH bytes for one file.
 */
static int prepare_directories(char **argv)
{
	unsigned int count = (unsigned int)strtoul(argv[1], NULL, 10);
	unsigned int links = (unsigned int)strtoul(argv[2], NULL, 10);
	unsigned int length = (unsigned int)strtoul(argv[3], NULL, 10);
	char path[PATH_MAX], from[PATH_MAX], name[NAME_LENGTH + 1];
	unsigned int i, k;

	if (mkdir(argv[0], 0755) && errno != EEXIST)
		return failed("mkdir");
	snprintf(from, sizeof(from), "%s/linked", argv[0]);
	if (mknod(from, S_IFREG | 0644, 0))
		return failed("mknod");
	for (i = 1; i <= count; i++) {
		snprintf(path, sizeof(path), "%s/d%03u", argv[0], i);
		if (mkdir(path, 0755))
			return failed("mkdir");
		for (k = 0; k < links; k++) {
			name_make(name, length, k);
			snprintf(path, sizeof(path), "%s/d%03u/%s", argv[0], i, name);
			if (link(from, path))
				return failed("link");
		}
	}
	return OK;
}

/* inject-prepare files DIR COUNT PIECES [unwritten]: DIR/f000 to fCOUNT. */
static int prepare_files(int argc, char **argv)
{
	unsigned int count = (unsigned int)strtoul(argv[1], NULL, 10), i, k;
	char path[PATH_MAX];
	struct pieces p;

	if (!pieces_parse(&p, argv[2]))
		return USAGE;
	if (mkdir(argv[0], 0755) && errno != EEXIST)
		return failed("mkdir");
	for (i = 0; i <= count; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/f%03u", argv[0], i);
		fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
		if (fd < 0)
			return failed("create");
		if (argc > 3 && fallocate(fd, 0, p.offset, (off_t)p.length))
			return failed("fallocate");
		for (k = 0; argc <= 3 && k < p.times; k++) {
			errno = -piece_write(fd, SEED_OLD, p.offset + k * p.step, p.length);
			if (errno)
				return failed("pwrite");
		}
		close(fd);
	}
	return OK;
}

static int inject_prepare(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[0], "directories"))
		return prepare_directories(argv + 1);
	if (argc >= 4 && !strcmp(argv[0], "files"))
		return prepare_files(argc - 1, argv + 1);
	return USAGE;
}

/*
 * inject-check DIR LAST OLD NEW [SIZE]: DIR/f001 to fLAST have the pieces OLD as they
 * were prepared, and NEW over them; what is neither is zero. If NEW has a step it is
 * of DIR/f000, and LAST times.
 */
static int inject_check(int argc, char **argv)
{
	unsigned int last, i, from = 1;
	struct pieces old, new;
	unsigned char *want;
	char path[PATH_MAX];
	off_t size;

	if (argc < 4 || !pieces_parse(&old, argv[2]) || !pieces_parse(&new, argv[3]))
		return USAGE;
	last = (unsigned int)strtoul(argv[1], NULL, 10);
	if (new.step) {
		new.times = last;
		from = last = 0;
	}
	size = pieces_end(&old) > pieces_end(&new) ? pieces_end(&old) : pieces_end(&new);
	if (argc > 4 && atoll(argv[4]) > size)
		size = atoll(argv[4]);
	want = calloc(1, (size_t)size + 1);
	pieces_make(want, SEED_OLD, &old);
	pieces_make(want, SEED_NEW, &new);
	for (i = from; i <= last; i++) {
		snprintf(path, sizeof(path), "%s/f%03u", argv[0], i);
		if (bytes_expect(path, want, (size_t)size))
			complain("check", i, "%s", argv[0]);
	}
	free(want);
	printf("checked=%u complaints=%u\n", last - from + 1, complaints);
	return complaints ? BROKEN : OK;
}

/*
 * inject-points DIR COUNT LENGTH: makes names, and prints how many allocations each
 * one took: where there are more of them the directory grew.
 */
static int inject_points(int argc, char **argv)
{
	unsigned int count, length, i, seen;
	char path[PATH_MAX], name[NAME_LENGTH + 1];

	if (argc < 3)
		return USAGE;
	count = (unsigned int)strtoul(argv[1], NULL, 10);
	length = (unsigned int)strtoul(argv[2], NULL, 10);
	memory_setup();
	printf("points=");
	for (i = 0; i < count; i++) {
		int fd;

		name_make(name, length, i);
		snprintf(path, sizeof(path), "%s/%s", argv[0], name);
		memory_arm(1000000);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		memory_disarm(1000000, &seen);
		if (fd < 0)
			return failed("create");
		close(fd);
		printf("%s%u", i ? "," : "", seen);
	}
	printf("\n");
	return OK;
}

const struct command inject_memory_commands[] = {
	{ "inject-points", "DIR COUNT LENGTH", inject_points },
	{ "inject-prepare", "directories DIR COUNT LINKS LENGTH | files DIR COUNT PIECES [unwritten]",
	  inject_prepare },
	{ "inject-memory", "OPERATION WORD... [FIRST]", inject_memory },
	{ "inject-check", "DIR LAST OLD|- NEW|- [SIZE]", inject_check },
	{ NULL, NULL, NULL },
};
