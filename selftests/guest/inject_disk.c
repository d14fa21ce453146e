// SPDX-License-Identifier: GPL-2.0-only
/*
 * glue-io: an operation on a volume whose disk fails at one request of it, or from
 * that request on until the volume is unmounted. What fsync has acknowledged must be
 * there when the volume is mounted again.
 *
 * The volume is a loop device over a file in memory, made again each time from a
 * template. What each time left is written to a file of its differences from the
 * template, for the host, which has fsck.ocfs2 look at it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "inject.h"
#include "retry_calls.h"

#define IMAGE "/tmp/inject.img"
#define DISK "loop0"
#define DEVICE "/dev/" DISK
#define BLOCK 4096
#define FILES 3
#define SIZE_MAX_OF_FILE (64 * 1024)

static unsigned char *template, *now;
static size_t image_size;
static int image = -1, kernel_log = -1;

/* What one file must have, from the last fsync that succeeded on. */
struct expected {
	const char *name;
	/* Bytes that were acknowledged, and what was written since. */
	struct pieces old, acknowledged, written;
	off_t size;
	int exists;
};

struct disk_test {
	const char *operation;
	int all;
	unsigned int n;
	struct expected files[FILES];
	/* Opened before anything fails. */
	int fd[FILES], probe;
	int mounted;
	/* What the operation said, and how often a file had content of before afterwards. */
	int said;
	unsigned int exposed;
	/* Whether the probe was written, with a yes from fsync. */
	int probed;
};

static void report(struct disk_test *t, const char *what, int error)
{
	complain(t->operation, t->n, "%s: %s", what, error_name(error));
}

static void die(const char *what)
{
	printf("error=%s call=%s\n", error_name(errno), what);
	exit(FAILED);
}

/* The template is the disk that was prepared. */
static void template_read(const char *path)
{
	int fd = open(path, O_RDONLY);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	size_t done = 0;

	if (size < 0)
		die(path);
	image_size = (size_t)size;
	template = malloc(image_size);
	now = malloc(image_size);
	while (done < image_size) {
		ssize_t n = pread(fd, template + done, image_size - done, (off_t)done);

		if (n <= 0)
			die("read of the template");
		done += (size_t)n;
	}
	close(fd);
}

static void loop_attach(void)
{
	int loop = open(DEVICE, O_RDWR);

	image = open(IMAGE, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (image < 0 || pwrite(image, template, image_size, 0) != (ssize_t)image_size)
		die(IMAGE);
	if (loop < 0 || ioctl(loop, LOOP_SET_FD, image))
		die(DEVICE);
	close(loop);
}

static void loop_detach(void)
{
	int loop = open(DEVICE, O_RDWR);

	if (loop < 0 || ioctl(loop, LOOP_CLR_FD, 0))
		die("LOOP_CLR_FD");
	close(loop);
	unlink(IMAGE);
}

/* Nothing that the kernel remembers of the device is written or read from here on. */
static void loop_forget(void)
{
	int loop = open(DEVICE, O_RDWR);

	if (loop < 0 || ioctl(loop, BLKFLSBUF, 0))
		die("BLKFLSBUF");
	close(loop);
}

static void image_read(void)
{
	if (pread(image, now, image_size, 0) != (ssize_t)image_size)
		die("read of the image");
}

/* Only what has changed. */
static void image_restore(void)
{
	size_t at;

	loop_forget();
	image_read();
	for (at = 0; at < image_size; at += BLOCK)
		if (memcmp(now + at, template + at, BLOCK) &&
		    pwrite(image, template + at, BLOCK, (off_t)at) != BLOCK)
			die("write of the image");
}

/* Blocks that differ from the template, each behind its place. */
static void image_keep(const char *directory, const char *operation, unsigned int n)
{
	char path[256];
	FILE *out;
	size_t at;

	loop_forget();
	image_read();
	snprintf(path, sizeof(path), "%s/%s.%03u", directory, operation, n);
	out = fopen(path, "w");
	if (!out)
		die(path);
	for (at = 0; at < image_size; at += BLOCK) {
		uint64_t place = at;

		if (!memcmp(now + at, template + at, BLOCK))
			continue;
		fwrite(&place, sizeof(place), 1, out);
		fwrite(now + at, BLOCK, 1, out);
	}
	if (fclose(out))
		die(path);
}

/* inject-image TEMPLATE DIFFERENCES OUT: on the host; OUT is the volume again. */
static int inject_image(int argc, char **argv)
{
	unsigned char block[BLOCK];
	uint64_t place;
	FILE *in;
	int out;

	if (argc < 3)
		return USAGE;
	template_read(argv[0]);
	in = fopen(argv[1], "r");
	out = open(argv[2], O_WRONLY | O_CREAT, 0600);
	if (!in || out < 0 || pwrite(out, template, image_size, 0) != (ssize_t)image_size)
		return failed("open");
	while (fread(&place, sizeof(place), 1, in) == 1)
		if (fread(block, BLOCK, 1, in) != 1 ||
		    pwrite(out, block, BLOCK, (off_t)place) != BLOCK)
			return failed("copy");
	return close(out) ? failed("close") : OK;
}

/* What the kernel says from here on. */
static void log_begin(void)
{
	if (kernel_log < 0)
		kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (kernel_log < 0 || lseek(kernel_log, 0, SEEK_END) < 0)
		die("/dev/kmsg");
}

/* Whether it has said that the journal was aborted. */
static int log_says_aborted(void)
{
	char line[2048];
	ssize_t n;
	int found = 0;

	while ((n = read(kernel_log, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		line[n > 0 ? n : 0] = 0;
		found |= strstr(line, "Aborting journal") != NULL;
	}
	return found;
}

static void open_all(struct disk_test *t)
{
	char path[128];
	int i;

	for (i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), MOUNT_POINT "/%s", t->files[i].name);
		t->fd[i] = t->files[i].exists ? open(path, O_RDWR) : -1;
	}
	t->probe = open(MOUNT_POINT "/probe", O_RDWR);
}

static void close_all(struct disk_test *t)
{
	int i;

	for (i = 0; i < FILES; i++)
		if (t->fd[i] >= 0)
			close(t->fd[i]);
	if (t->probe >= 0)
		close(t->probe);
	memset(t->fd, -1, sizeof(t->fd));
	t->probe = -1;
}

/* Writes, and syncs if @sync. What fsync says yes to has to be there from then on. */
static int file_write(struct disk_test *t, int i, const char *word, int sync)
{
	struct expected *file = &t->files[i];
	struct pieces p;
	int result = 0;

	if (t->fd[i] < 0 || !pieces_parse(&p, word))
		return -EBADF;
	result = piece_write(t->fd[i], SEED_NEW, p.offset, p.length);
	if (result == -ENODATA)
		result = -EIO;
	file->written = p;
	if (!result && sync)
		result = fsync(t->fd[i]) ? -errno : 0;
	if (!result && sync)
		file->acknowledged = p;
	return result;
}

static int file_create(struct disk_test *t, int i)
{
	char path[128];

	snprintf(path, sizeof(path), MOUNT_POINT "/%s", t->files[i].name);
	t->fd[i] = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
	if (t->fd[i] < 0)
		return -errno;
	if (fsync(t->fd[i]))
		return -errno;
	t->files[i].exists = 1;
	return 0;
}

static int fsync_of(struct disk_test *t, int i)
{
	if (fsync(t->fd[i]))
		return -errno;
	t->files[i].acknowledged = t->files[i].written;
	return 0;
}

/* The operations. Each comes with a volume that is mounted, but for mount. */

enum { PLAIN, INLINE, CREATED };

/* What is there before anything fails. */
static int before(struct disk_test *t)
{
	if (!strcmp(t->operation, "fsync") || !strcmp(t->operation, "unmount"))
		return file_write(t, PLAIN, "4096:20000", 0);
	return 0;
}

static int during(struct disk_test *t)
{
	int result;

	if (!strcmp(t->operation, "mount")) {
		result = volume_mount(DEVICE);
		t->mounted = !result;
		return result;
	}
	if (!strcmp(t->operation, "create")) {
		result = file_create(t, CREATED);
		return result ? result : file_write(t, CREATED, "0:5000", 1);
	}
	if (!strcmp(t->operation, "write"))
		return file_write(t, PLAIN, "4096:12288", 1);
	if (!strcmp(t->operation, "inline"))
		return file_write(t, INLINE, "50:100", 1);
	if (!strcmp(t->operation, "expand"))
		return file_write(t, INLINE, "50:6000", 1);
	if (!strcmp(t->operation, "extend"))
		return file_write(t, PLAIN, "32768:9000", 1);
	if (!strcmp(t->operation, "fsync"))
		return fsync_of(t, PLAIN);
	if (!strcmp(t->operation, "unmount")) {
		close_all(t);
		t->mounted = 0;
		return volume_umount();
	}
	exit(USAGE);
}

static int is_refusal(int result) { return result == -EIO || result == -EROFS; }

/* Whether the volume takes changes is one thing, whether it says so another. */
static void probe(struct disk_test *t, int aborted)
{
	int volume = open(MOUNT_POINT, O_RDONLY), wrote, synced, all;
	char byte = 'p';

	/* Just mounted: nothing was opened before. */
	if (t->probe < 0)
		t->probe = open(MOUNT_POINT "/probe", O_RDWR);
	wrote = pwrite(t->probe, &byte, 1, 0) == 1 ? 0 : -errno;
	synced = fsync(t->probe) ? -errno : 0;
	all = syncfs(volume) ? -errno : 0;
	close(volume);
	t->probed = !wrote && !synced;
	if (aborted && !is_refusal(wrote))
		report(t, "write after the journal was aborted", wrote);
	/* The last write may have been what it took. */
	aborted |= log_says_aborted();
	if (aborted) {
		if (!is_refusal(synced))
			report(t, "fsync after the journal was aborted", synced);
		if (!is_refusal(all))
			report(t, "syncfs after the journal was aborted", all);
	} else if (!t->all && (wrote || synced)) {
		report(t, "the journal wasn't aborted, and write said", wrote);
		report(t, "and fsync", synced);
	}
}

/*
 * What was acknowledged is there. Elsewhere: old bytes, new ones, or zero. Where the
 * request failed that was to write a new cluster's data there is what the disk had
 * before, as on ext4 by default: that is counted.
 */
static void check_file(struct disk_test *t, struct expected *file)
{
	static unsigned char old[SIZE_MAX_OF_FILE], new[SIZE_MAX_OF_FILE], have[SIZE_MAX_OF_FILE];
	off_t end = pieces_end(&file->acknowledged), at;
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), MOUNT_POINT "/%s", file->name);
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		if (file->exists)
			report(t, file->name, -errno);
		return;
	}
	memset(old, 0, sizeof(old));
	memset(new, 0, sizeof(new));
	pieces_make(old, SEED_OLD, &file->old);
	memcpy(new, old, sizeof(new));
	pieces_make(new, SEED_NEW, &file->written);
	n = pread(fd, have, sizeof(have), 0);
	if (n < 0)
		report(t, "read of what is there", -errno);
	if (n >= 0 && (n < pieces_end(&file->old) || n < end))
		complain(t->operation, t->n, "%s is %zd long", file->name, n);
	for (at = 0; at < n; at++) {
		int must = file->acknowledged.times && at >= file->acknowledged.offset && at < end;

		if (have[at] == new[at] || (!must && (have[at] == old[at])))
			continue;
		if (must || !t->said)
			complain(t->operation, t->n, "%s: what was %s at %lld is 0x%02x", file->name,
				 must ? "acknowledged" : "never written", (long long)at, have[at]);
		else
			t->exposed++;
		break;
	}
	close(fd);
}

/* The volume as the next mount finds it. */
static void afterwards(struct disk_test *t)
{
	int result = volume_mount(DEVICE), i, fd;
	char byte = 0;

	if (result) {
		report(t, "the next mount", result);
		return;
	}
	for (i = 0; i < FILES; i++)
		check_file(t, &t->files[i]);
	fd = open(MOUNT_POINT "/probe", O_RDONLY);
	if (t->probed && (pread(fd, &byte, 1, 0) != 1 || byte != 'p'))
		complain(t->operation, t->n, "fsync of the probe said yes, and it has 0x%02x", byte);
	close(fd);
	result = volume_umount();
	if (result)
		report(t, "the next unmount", result);
}

static void files_of_template(struct disk_test *t)
{
	static const struct expected files[FILES] = {
		[PLAIN] = { .name = "plain", .exists = 1 },
		[INLINE] = { .name = "inline", .exists = 1 },
		[CREATED] = { .name = "created" },
	};

	memcpy(t->files, files, sizeof(files));
	pieces_parse(&t->files[PLAIN].old, "0:8192");
	pieces_parse(&t->files[INLINE].old, "0:100");
	memset(t->fd, -1, sizeof(t->fd));
	t->probe = -1;
}

/* One time. Whether something failed. */
static int one_time(struct disk_test *t)
{
	int result = 0, aborted;
	unsigned int times;

	files_of_template(t);
	t->mounted = t->probed = 0;
	image_restore();
	log_begin();
	if (strcmp(t->operation, "mount")) {
		result = volume_mount(DEVICE);
		t->mounted = !result;
		open_all(t);
	}
	if (result || (result = before(t))) {
		report(t, "before", result);
		return 0;
	}
	if (t->all)
		disk_arm_all(t->n);
	else
		disk_arm(t->n);
	t->said = during(t);
	times = t->all ? 0 : disk_disarm();
	aborted = log_says_aborted();
	if (t->mounted)
		probe(t, aborted);
	close_all(t);
	if (t->mounted && (result = volume_umount()))
		report(t, "unmount", result);
	if (t->all)
		times = disk_disarm();
	else if (!times)
		disk_settle(DISK);
	if (!times && t->said)
		report(t, "nothing failed, and it said", t->said);
	loop_forget();
	afterwards(t);
	return times != 0;
}

/*
 * inject-disk OPERATION one|all TEMPLATE KEEP [FIRST [STEP]]: mount, create, write,
 * inline, expand, extend, fsync or unmount. KEEP: the directory for what is left.
 */
static int inject_disk(int argc, char **argv)
{
	unsigned int points = 0, refused = 0, step = 1;
	struct disk_test t;
	char kept[64];

	if (argc < 4)
		return USAGE;
	memset(&t, 0, sizeof(t));
	t.operation = argv[0];
	t.all = !strcmp(argv[1], "all");
	t.n = argc > 4 ? (unsigned int)strtoul(argv[4], NULL, 10) : 1;
	step = argc > 5 ? (unsigned int)strtoul(argv[5], NULL, 10) : 1;
	template_read(argv[2]);
	loop_attach();
	disk_setup(DISK);
	snprintf(kept, sizeof(kept), "%s-%s", argv[0], argv[1]);
	while (one_time(&t)) {
		points++;
		refused += t.said != 0;
		image_keep(argv[3], kept, t.n);
		t.n += step;
	}
	disk_release(DISK);
	loop_forget();
	loop_detach();
	printf("operation=%s mode=%s points=%u refused=%u exposed=%u last=%u complaints=%u\n",
	       t.operation, argv[1], points, refused, t.exposed, t.n, complaints);
	return complaints ? BROKEN : OK;
}

const struct command inject_disk_commands[] = {
	{ "inject-disk", "OPERATION one|all TEMPLATE KEEP [FIRST [STEP]]", inject_disk },
	{ "inject-image", "TEMPLATE DIFFERENCES OUT", inject_image },
	{ NULL, NULL, NULL },
};
