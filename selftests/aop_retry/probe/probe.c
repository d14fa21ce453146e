// SPDX-License-Identifier: GPL-2.0-only
/*
 * aop_probe: makes the operations of any file system ask to be called again, or
 * do what they may not, by a kprobe on the function. So a caller is tested with
 * the real operations of the file system that it belongs to, whether or not
 * the kernel has the series.
 *
 * A line that is written to debugfs' aop_probe/arm arms one function:
 *
 *	FUNCTION ACTION TIMES [AFTER]
 *	off
 *
 * TIMES may be `always`; AFTER calls pass first. The actions:
 *
 *	retry		a read: unlocks the folio, returns AOP_TRUNCATED_PAGE
 *	positive	a read: unlocks the folio, returns 5
 *	locked		a read: returns AOP_TRUNCATED_PAGE with the folio locked,
 *			until `off`
 *	copied=N	->write_end: is told that at most N bytes were copied,
 *			and accepts no more
 *	return=N[,N...]	returns N and does nothing; one after the other, and the
 *			last one from then on
 *
 * A read is a function whose second argument is the folio. Reading `arm` gives
 * `FUNCTION COUNT` lines: how often each one's action was taken.
 *
 * An address that is written to aop_probe/nowait is looked up by
 * get_user_pages() with FOLL_NOWAIT, as only KVM does: -EAGAIN if that would
 * have had to wait.
 *
 * For x86-64: the handlers know its registers.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define MAX_LINE	128
#define MAX_VALUES	4

enum action { RETRY, POSITIVE, LOCKED, COPIED, RETURN };

static const char *const action_names[] = {
	[RETRY] = "retry",
	[POSITIVE] = "positive",
	[LOCKED] = "locked",
	[COPIED] = "copied",
	[RETURN] = "return",
};

struct rule {
	struct list_head list;
	struct kprobe kp;
	char function[64];
	enum action action;
	int count;
	int values[MAX_VALUES];
	atomic_long_t after;
	atomic_long_t times;
	atomic_long_t taken;
};

/* Protects what follows; taken by readers and writers of `arm` only. */
static DEFINE_MUTEX(rules_lock);
static LIST_HEAD(rules);

/* The folio that was left locked, with a reference. */
static struct folio *kept;

static struct dentry *dir;

/*
 * What a call goes to instead. They run where the function would have, with
 * its arguments; a kprobe's handler may do next to nothing.
 */
static int read_retry(void *first, struct folio *folio)
{
	folio_unlock(folio);
	return AOP_TRUNCATED_PAGE;
}

static int read_positive(void *first, struct folio *folio)
{
	folio_unlock(folio);
	return 5;
}

static int read_locked(void *first, struct folio *folio)
{
	folio_get(folio);
	if (cmpxchg(&kept, NULL, folio))
		folio_put(folio);
	return AOP_TRUNCATED_PAGE;
}

static unsigned long instead[] = {
	[RETRY] = (unsigned long)read_retry,
	[POSITIVE] = (unsigned long)read_positive,
	[LOCKED] = (unsigned long)read_locked,
};

/* Whether this call is one of those that are meant; which one in @nth. */
static bool fires(struct rule *rule, long *nth)
{
	if (atomic_long_dec_if_positive(&rule->after) >= 0)
		return false;
	if (atomic_long_dec_if_positive(&rule->times) < 0)
		return false;
	*nth = atomic_long_inc_return(&rule->taken) - 1;
	return true;
}
NOKPROBE_SYMBOL(fires);

static int on_entry(struct kprobe *kp, struct pt_regs *regs)
{
	struct rule *rule = container_of(kp, struct rule, kp);
	long nth;

	if (!fires(rule, &nth))
		return 0;
	nth = min_t(long, nth, rule->count - 1);
	switch (rule->action) {
	case COPIED:
		if ((unsigned int)regs->r8 > rule->values[nth])
			regs->r8 = rule->values[nth];
		return 0;
	case RETURN:
		regs->ax = (long)rule->values[nth];
		/* The return address is what the stack ends with. */
		regs->ip = *(unsigned long *)regs->sp;
		regs->sp += sizeof(long);
		return 1;
	default:
		regs->ip = instead[rule->action];
		return 1;
	}
}
NOKPROBE_SYMBOL(on_entry);

/* A probe that has this isn't turned into a jump, which could not be diverted. */
static void on_exit(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
}

/* Nothing is armed any more, and nothing locked. */
static void disarm(void)
{
	struct rule *rule, *next;
	struct folio *folio;

	list_for_each_entry_safe(rule, next, &rules, list) {
		unregister_kprobe(&rule->kp);
		list_del(&rule->list);
		kfree(rule);
	}
	folio = xchg(&kept, NULL);
	if (folio) {
		folio_unlock(folio);
		folio_put(folio);
	}
}

static int parse_action(struct rule *rule, char *word)
{
	char *values = word, *value;
	int action;

	word = strsep(&values, "=");
	action = match_string(action_names, ARRAY_SIZE(action_names), word);
	if (action < 0 || !values != (action < COPIED))
		return -EINVAL;
	rule->action = action;
	while ((value = strsep(&values, ","))) {
		if (rule->count == MAX_VALUES)
			return -EINVAL;
		if (kstrtoint(value, 0, &rule->values[rule->count++]))
			return -EINVAL;
	}
	return 0;
}

static int parse_count(atomic_long_t *count, char *word)
{
	long value = LONG_MAX;

	if (strcmp(word, "always") && kstrtol(word, 0, &value))
		return -EINVAL;
	atomic_long_set(count, value);
	return 0;
}

static int arm(char *line)
{
	char *function = strsep(&line, " "), *action = strsep(&line, " ");
	char *times = strsep(&line, " "), *after = strsep(&line, " ");
	struct rule *rule;
	int err = -EINVAL;

	if (!times || line || strlen(function) >= sizeof(rule->function))
		return -EINVAL;
	rule = kzalloc(sizeof(*rule), GFP_KERNEL);
	if (!rule)
		return -ENOMEM;
	strscpy(rule->function, function);
	if (parse_action(rule, action) || parse_count(&rule->times, times) ||
	    (after && parse_count(&rule->after, after)))
		goto out;
	rule->kp.symbol_name = rule->function;
	rule->kp.pre_handler = on_entry;
	rule->kp.post_handler = on_exit;
	err = register_kprobe(&rule->kp);
	if (err)
		goto out;
	list_add_tail(&rule->list, &rules);
	return 0;
out:
	kfree(rule);
	return err;
}

static ssize_t arm_write(struct file *file, const char __user *from, size_t len,
			 loff_t *pos)
{
	char line[MAX_LINE];
	int err = 0;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, len))
		return -EFAULT;
	line[len] = 0;
	mutex_lock(&rules_lock);
	if (!strcmp(strim(line), "off"))
		disarm();
	else
		err = arm(strim(line));
	mutex_unlock(&rules_lock);
	return err ? err : len;
}

static int arm_show(struct seq_file *m, void *unused)
{
	struct rule *rule;

	mutex_lock(&rules_lock);
	list_for_each_entry(rule, &rules, list)
		seq_printf(m, "%s %ld\n", rule->function, atomic_long_read(&rule->taken));
	mutex_unlock(&rules_lock);
	return 0;
}

static int arm_open(struct inode *inode, struct file *file)
{
	return single_open(file, arm_show, NULL);
}

static const struct file_operations arm_fops = {
	.owner = THIS_MODULE,
	.open = arm_open,
	.read = seq_read,
	.write = arm_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static ssize_t nowait_write(struct file *file, const char __user *from,
			    size_t len, loff_t *pos)
{
	unsigned long address;
	struct page *page;
	long n;
	int err;

	err = kstrtoul_from_user(from, len, 0, &address);
	if (err)
		return err;
	n = get_user_pages_unlocked(address, 1, &page, FOLL_NOWAIT);
	if (n < 0)
		return n;
	if (n == 0)
		return -EAGAIN;
	put_page(page);
	return len;
}

static const struct file_operations nowait_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = nowait_write,
};

static int __init aop_probe_init(void)
{
	dir = debugfs_create_dir("aop_probe", NULL);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	debugfs_create_file("arm", 0600, dir, NULL, &arm_fops);
	debugfs_create_file("nowait", 0200, dir, NULL, &nowait_fops);
	return 0;
}

static void __exit aop_probe_exit(void)
{
	debugfs_remove(dir);
	disarm();
}

module_init(aop_probe_init);
module_exit(aop_probe_exit);
MODULE_DESCRIPTION("Makes address space operations ask to be called again");
MODULE_LICENSE("GPL");
