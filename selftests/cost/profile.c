// SPDX-License-Identifier: GPL-2.0-only
/* A TCG plugin of QEMU's: where the instructions of a loop of cost-loops go.
 *
 *   -plugin file=profile.so,from=ADDRESS,out=FILE
 *
 * ADDRESS is that of cost-loops' instructions(), which begins and ends a round.
 * What runs between the two is counted in a tree of calls. When QEMU ends, FILE
 * gets a line for each node of it:
 *
 *   NODE PARENT ENTRY COUNT      ENTRY is the address that was called
 *
 * and one for each piece of straight code: "at ADDRESS COUNT".
 *
 * A plugin sees no registers, so returns are found by their address: that of the
 * code after a call which is still open. Interrupts and switches of tasks leave
 * calls open; the next return that is known drops them.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From QEMU's interface for plugins (docs/devel/tcg-plugins), which has no package. */
typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translated_fn)(plugin_id id, struct qemu_plugin_tb *tb);
typedef void (*executed_fn)(unsigned int cpu, void *data);
typedef void (*exit_fn)(plugin_id id, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated_fn call);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_fn call, int flags, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, exit_fn call, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t number);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = PLUGIN_VERSION;

/* Straight code, translated at once. */
struct piece {
	uint64_t address;
	uint64_t insns;
	uint64_t count;
	/* The code after it, if it ends with a call. */
	uint64_t back;
	bool mark;
	struct piece *next;
};

struct node {
	uint64_t entry;
	uint64_t count;
	struct node *parent, *child, *sibling;
};

#define MOST_OPEN 512

static struct {
	uint64_t from;
	const char *out;
	struct piece *pieces;
	struct node root;
	/* The node that is executed, and the calls that lead to it. */
	struct node *now;
	uint64_t back[MOST_OPEN];
	unsigned int open;
	bool counting, called;
} profile;

static void *zeroed(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

static struct node *child_of(struct node *parent, uint64_t entry)
{
	struct node *node;

	for (node = parent->child; node; node = node->sibling)
		if (node->entry == entry)
			return node;
	node = zeroed(sizeof(*node));
	node->entry = entry;
	node->parent = parent;
	node->sibling = parent->child;
	parent->child = node;
	return node;
}

/* The call that returns to @address, if there is one, and all in it are over. */
static void returned_to(uint64_t address)
{
	unsigned int at, left;

	for (at = profile.open; at > 0; at--) {
		if (profile.back[at - 1] != address)
			continue;
		for (left = profile.open; left >= at; left--)
			profile.now = profile.now->parent;
		profile.open = at - 1;
		return;
	}
}

static void toggle(void)
{
	profile.counting = !profile.counting;
	profile.now = &profile.root;
	profile.open = 0;
	profile.called = false;
}

static void executed(unsigned int cpu, void *data)
{
	struct piece *piece = data;

	(void)cpu;
	if (piece->mark)
		toggle();
	if (!profile.counting)
		return;
	if (profile.called)
		profile.now = child_of(profile.now, piece->address);
	else
		returned_to(piece->address);
	profile.called = false;
	piece->count += piece->insns;
	profile.now->count += piece->insns;
	if (piece->back && profile.open < MOST_OPEN) {
		profile.back[profile.open++] = piece->back;
		profile.called = true;
	}
}

static bool is_call(const unsigned char *code, size_t size)
{
	/* call rel32; call r/m64, which may have a prefix for the upper registers. */
	if (code[0] == 0xe8)
		return true;
	if (size > 2 && (code[0] & 0xf0) == 0x40)
		code++;
	return code[0] == 0xff && (code[1] >> 3 & 7) == 2;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	struct piece *piece = zeroed(sizeof(*piece));
	struct qemu_plugin_insn *insn = NULL;
	size_t i;

	(void)id;
	piece->address = qemu_plugin_tb_vaddr(tb);
	piece->insns = qemu_plugin_tb_n_insns(tb);
	for (i = 0; i < piece->insns; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		/* Other programs have something else than rdtsc at the same place. */
		if (piece->address == profile.from && !memcmp(qemu_plugin_insn_data(insn), "\x0f\x31", 2))
			piece->mark = true;
	}
	if (is_call(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn)))
		piece->back = qemu_plugin_insn_vaddr(insn) + qemu_plugin_insn_size(insn);
	piece->next = profile.pieces;
	profile.pieces = piece;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, piece);
}

static void print_node(FILE *file, const struct node *node)
{
	const struct node *child;

	fprintf(file, "%p %p %" PRIx64 " %" PRIu64 "\n", (const void *)node, (const void *)node->parent,
		node->entry, node->count);
	for (child = node->child; child; child = child->sibling)
		print_node(file, child);
}

static void finish(plugin_id id, void *data)
{
	FILE *file = fopen(profile.out, "w");
	const struct piece *piece;

	(void)id;
	(void)data;
	if (!file)
		return;
	print_node(file, &profile.root);
	for (piece = profile.pieces; piece; piece = piece->next)
		if (piece->count)
			fprintf(file, "at %" PRIx64 " %" PRIu64 "\n", piece->address, piece->count);
	fclose(file);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	for (; argc; argc--, argv++) {
		if (!strncmp(*argv, "from=", 5))
			profile.from = strtoull(*argv + 5, NULL, 16);
		if (!strncmp(*argv, "out=", 4))
			profile.out = strdup(*argv + 4);
	}
	if (!profile.from || !profile.out)
		return -1;
	profile.now = &profile.root;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
