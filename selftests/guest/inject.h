/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of glue-io share that make calls fail inside the kernel. */
#ifndef INJECT_H
#define INJECT_H

#include <sys/types.h>

#include "glue_io.h"

#define MOUNT_POINT "/mnt/vol"

/*
 * Pieces of a file: piece i is @length bytes at @offset + i * @step, for i below
 * @times. A word on the command line: OFFSET:LENGTH[:STEP[:TIMES]], or `-` for none.
 */
struct pieces {
	off_t offset, step;
	size_t length;
	unsigned int times;
};

/* Whether @word is one. */
int pieces_parse(struct pieces *p, const char *word);

/* The byte behind the last piece. */
off_t pieces_end(const struct pieces *p);

/* Puts the pieces into @out, which begins with byte 0 of the file. */
void pieces_make(unsigned char *out, const char *seed, const struct pieces *p);

/* Seeds: what was there before, and what is written while calls fail. */
#define SEED_OLD "1"
#define SEED_NEW "2"

/* 0, or -errno. Writes one piece, all of it. */
int piece_write(int fd, const char *seed, off_t offset, size_t length);

/* 0 if the file has exactly these bytes; else prints where it differs and returns -1. */
int bytes_expect(const char *path, const unsigned char *want, size_t length);

/* Something that must not be: printed, counted, and the run goes on. */
extern unsigned int complaints;
void complain(const char *what, unsigned int n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What an errno is called. */
const char *error_name(int error);

/* 0, or -errno. */
int volume_mount(const char *device);
int volume_umount(void);

/* inject.c: the kernel's fault injection. All of these exit with FAILED if it isn't there. */

/* Only allocations under the module's frames fail. */
void memory_setup(void);

/* The @n-th allocation of this task from here on fails. */
void memory_arm(unsigned int n);

/* Ends that. Whether it hasn't failed yet; @seen: how many allocations there were. */
int memory_disarm(unsigned int n, unsigned int *seen);

/* Requests to block device /dev/@disk. */
void disk_setup(const char *disk);
void disk_release(const char *disk);

/* The @n-th request from here on fails. */
void disk_arm(unsigned int n);

/* From when @n - 1 pages were transferred on all requests fail, until disk_disarm(). */
void disk_arm_all(unsigned int n);

/* Ends either. How many failed. */
unsigned int disk_disarm(void);

/* After a disk_arm() of which nothing failed: has it fail, so that the count is known again. */
void disk_settle(const char *disk);

extern const struct command inject_commands[];
extern const struct command inject_memory_commands[];
extern const struct command inject_disk_commands[];

#endif
