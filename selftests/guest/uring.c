// SPDX-License-Identifier: GPL-2.0-only
/* glue-io: one read or write through io_uring. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "retry_calls.h"

/* Submits @sqe to a ring of its own and waits; what the completion says. */
static int ring_once(const struct io_uring_sqe *sqe, int *res)
{
	struct io_uring_params p;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqe;
	char *sq, *cq;
	int fd;

	memset(&p, 0, sizeof(p));
	fd = (int)syscall(SYS_io_uring_setup, 1, &p);
	if (fd < 0)
		return failed("io_uring_setup");
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(unsigned int),
		  PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED, fd, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqes == MAP_FAILED)
		return failed("mmap");
	sqes[0] = *sqe;
	*(unsigned int *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return failed("io_uring_enter");
	if (__atomic_load_n((unsigned int *)(cq + p.cq_off.tail), __ATOMIC_ACQUIRE) != 1) {
		printf("error=none call=io_uring\n");
		return FAILED;
	}
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	*res = cqe->res;
	return close(fd) ? failed("close") : OK;
}

/*
 * uring read|write FILE OFFSET COUNT SEED|zero [nowait]. Without nowait the
 * kernel tries without blocking first, and then again in a thread that may.
 */
int do_uring(int argc, char **argv)
{
	struct io_uring_sqe sqe;
	struct iovec all;
	struct request r;
	int fd, writes, res = 0, status;

	if (argc < 1 || !request_parse(&r, argc - 1, argv + 1))
		return USAGE;
	writes = !strcmp(argv[0], "write");
	fd = open(r.path, O_RDWR | (writes ? O_CREAT : 0), 0644);
	if (fd < 0)
		return failed("open");
	all.iov_base = malloc(r.count);
	all.iov_len = r.count;
	if (writes)
		bytes_make(all.iov_base, r.seed, r.offset, r.count);
	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = writes ? IORING_OP_WRITEV : IORING_OP_READV;
	sqe.fd = fd;
	sqe.addr = (uintptr_t)&all;
	sqe.len = 1;
	sqe.off = (uint64_t)r.offset;
	sqe.rw_flags = has("nowait", argc - 1, argv + 1) ? RWF_NOWAIT : 0;
	status = ring_once(&sqe, &res);
	if (status)
		return status;
	errno = -res;
	print_result("completed", res < 0 ? -1 : res);
	printf("\n");
	if (!writes)
		status = bytes_check(&r, all.iov_base, res > 0 ? (size_t)res : 0);
	free(all.iov_base);
	close(fd);
	return status;
}
