/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of glue-io share that are about a range of bytes of a file. */
#ifndef RETRY_CALLS_H
#define RETRY_CALLS_H

#include <sys/types.h>

#include "glue_io.h"

/* FILE OFFSET COUNT SEED|zero: the words that a request begins with. */
#define REQUEST_WORDS 4

struct request {
	const char *path;
	off_t offset;
	size_t count;
	const char *seed;
};

/* Whether there are enough words. */
int request_parse(struct request *r, int argc, char **argv);

/* Whether @word is among those that follow the request. */
int has(const char *word, int argc, char **argv);

void bytes_make(unsigned char *out, const char *seed, off_t offset, size_t count);

/* OK, or BROKEN: @have isn't what the request asks for; says where. */
int bytes_check(const struct request *r, const unsigned char *have, size_t count);

/* `name=N` or `name=ENAME`, from what a system call returned. */
void print_result(const char *name, ssize_t n);

/* The commands in files of their own. */
int do_uring(int argc, char **argv);
int do_exercise(int argc, char **argv);
int do_ahead(int argc, char **argv);
int do_verity(int argc, char **argv);
int do_dedupe(int argc, char **argv);
int do_swapon(int argc, char **argv);
int do_nowait(int argc, char **argv);

#endif
