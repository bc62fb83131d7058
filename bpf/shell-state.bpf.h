/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What is known of each process that runs a shell, whichever shell it is, and the records that tell it. The
 * hooks of a shell call typed() for a line and ended() when the shell asks for the next command.
 */
#ifndef LIVE_AUDIT_SHELL_STATE_BPF_H
#define LIVE_AUDIT_SHELL_STATE_BPF_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.bpf.h"
#include "shell.h"
#include "task.bpf.h"

#define MAX_SHELLS 16384

/* One process that runs a shell. */
struct shell {
	__u64 bias;             /* where the binary is loaded, less where it was linked */
	__u64 argument;         /* of the function that runs now, for its return */
	__u64 prompt_depth;     /* sh: stack pointer where the first line of a command is read; 0: not known */
	__u64 started;          /* when the open command began to run, CLOCK_BOOTTIME, ns; 0: it does not yet */
	__u32 target;
	__u32 seq;              /* of the next record */
	__u32 lines;            /* of the command being typed */
	__u32 nested_readlines; /* calls of the line editor that are not ours to read */
	bool open;              /* a command is being typed or runs: its context was sent */
	bool unsent;            /* no room for its context, or filtered: nothing of it will be sent */
	bool running;           /* between the return of the parser and the next prompt */
	bool reading;           /* the line editor was called by the parser */
	bool line_sent;         /* bash: readline gave the line that pre_process_line gets next; zsh: its expansion was told */
	bool edited;            /* bash: the open command came from an editor that a key started */
	bool line_due;          /* the parser reads a line that no other hook has told yet */
	bool parsed;            /* zsh: its hend was seen */
	bool interactive;       /* zsh: it has shown a prompt */
	bool continued;         /* sh: the line before ends in a backslash */
	bool heredoc;           /* sh: the command has here-documents */
	__u8 heredocs_due;      /* sh: those whose first line was not read yet */
	bool prompted;          /* its prompt was seen: false right after the attach */
	bool replaced;          /* the program of a -c became another one: its end is the process's */
	__u8 probe;             /* which hook runs now: the records are its own */
	__u8 source;            /* enum shell_source, of the open command */
	__u8 notified;          /* bash: calls of notify_and_cleanup for the command that is read */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SHELLS);
	__type(key, __u32);
	__type(value, struct shell);
} shells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shell_filter);
} shell_filter SEC(".maps");

static __always_inline __u32 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline struct shell_filter *filter(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&shell_filter, &zero);
}

static __always_inline bool source_wanted(__u8 source)
{
	struct shell_filter *config = filter();

	if (!config || config->sources == 0)
		return source == SOURCE_PROMPT;
	return (config->sources & (1u << (source & 31))) != 0;
}

/* Not static, as others below: the verifier looks at such a function once, and not at each of its calls. */
__noinline int filtered(struct filter_list *list, __u32 value)
{
	__u32 differs = 1;
	int i;

	if (!list || list->mode == FILTER_NONE)
		return 0;
	/* without branches, or the verifier follows each of them */
	for (i = 0; i < FILTER_VALUES; i++) {
		__u32 difference = list->values[i] ^ value;

		differs &= (difference | -difference) >> 31;
	}
	return differs == (list->mode == FILTER_KEEP);
}

/* Deeper than any cgroup that systemd or a container engine makes. */
#define CGROUP_LEVELS 16

__noinline int cgroup_listed(struct cgroup_list *list, __u64 id)
{
	__u64 differs = 1;
	int i;

	if (!list || id == 0)
		return 0;
	for (i = 0; i < FILTER_VALUES; i++) {
		__u64 difference = list->values[i] ^ id;

		differs &= (difference | -difference) >> 63;
	}
	return !differs;
}

/* By the cgroup of the current process in the unified hierarchy, and by those that it is in (5.7). */
__noinline int cgroup_filtered(struct cgroup_list *list)
{
	int listed = 0;
	int level;

	if (!list || list->mode == FILTER_NONE)
		return 0;
	for (level = 0; level < CGROUP_LEVELS; level++)
		listed |= cgroup_listed(list, bpf_get_current_ancestor_cgroup_id(level));
	return listed == (list->mode == FILTER_DROP);
}

/* Whether the config wants nothing of the current process. */
static __always_inline bool process_filtered(void)
{
	struct shell_filter *config = filter();

	return config && (filtered(&config->pid, current_tgid()) ||
			  filtered(&config->uid, (__u32)bpf_get_current_uid_gid()) ||
			  filtered(&config->auid, task_auid((void *)bpf_get_current_task())) ||
			  cgroup_filtered(&config->cgroup));
}

/* @probe which hook asks */
static __always_inline struct shell *current_shell(__u8 probe)
{
	__u32 tgid = current_tgid();
	struct shell *shell = bpf_map_lookup_elem(&shells, &tgid);

	if (shell)
		shell->probe = probe;
	return shell;
}

static __always_inline void fill_header(struct record_header *header, struct shell *shell, __u8 type)
{
	header->type = type;
	header->probe = shell->probe;
	header->flags = 0;
	header->target = shell->target;
	header->time = bpf_ktime_get_boot_ns();
	header->tgid = current_tgid();
	header->seq = shell->seq;
}

static __always_inline int emit_status(struct shell *shell, __u8 type, __u16 flags, int status)
{
	struct shell_status record = { .status = status, .started = shell->started };

	fill_header(&record.header, shell, type);
	record.header.flags = flags;
	shell->seq++;
	return emit(&record, sizeof(record), COUNTER_RECORDS_LOST);
}

/* A wait status as a shell tells it: 128 + signal, or what was given to exit(). */
static __always_inline int exit_code_of(int wait_status)
{
	int signal = wait_status & 0x7f;

	return signal ? 128 + signal : (wait_status >> 8) & 0xff;
}

/* Whether the config wants no command that ends so. One whose status is not known is kept. */
static __always_inline bool ending_filtered(__u8 type, int status)
{
	struct shell_filter *config = filter();

	if (!config || config->exit_code.mode == FILTER_NONE || type == SHELL_EXEC || status == STATUS_UNKNOWN)
		return false;
	return filtered(&config->exit_code, type == SHELL_EXIT ? exit_code_of(status) : status);
}

/* The command is over, one way or another. @type of the record that says so */
__noinline int ended(struct shell *shell, __u32 type, int status)
{
	if (!shell)
		return 0;
	if (shell->open) {
		if (!ending_filtered(type, status))
			emit_status(shell, type, shell->edited && type == SHELL_END ? FLAG_LATE : 0, status);
		else if (emit_status(shell, SHELL_FILTERED, 0, status) == 0)
			count(COUNTER_FILTERED);
	}
	shell->open = false;
	shell->unsent = false;
	shell->lines = 0;
	shell->started = 0;
	return 0;
}

/* A new command can be read: nothing of the last one holds any more. */
static __always_inline void prompts(struct shell *shell)
{
	shell->running = false;
	shell->reading = false;
	shell->line_sent = false;
	shell->line_due = false;
	shell->edited = false;
	shell->parsed = false;
	shell->nested_readlines = 0;
	shell->notified = 0;
}

static __always_inline struct shell *current_shell_or_new(__u64 cookie, __u64 bias)
{
	struct shell fresh = { .target = COOKIE_TARGET(cookie), .bias = bias };
	__u32 tgid = current_tgid();
	struct shell *shell = bpf_map_lookup_elem(&shells, &tgid);

	if (!shell) {
		bpf_map_update_elem(&shells, &tgid, &fresh, BPF_NOEXIST);
		shell = bpf_map_lookup_elem(&shells, &tgid);
	} else if (shell->bias != bias || shell->replaced) {
		/* a -c became this shell, the pid was used again, or exec was missed */
		ended(shell, SHELL_EXEC, 0);
		fresh.seq = shell->seq;
		*shell = fresh;
	}
	if (shell)
		shell->probe = COOKIE_PROBE(cookie);
	return shell;
}

/* A global of 4 bytes; `absent` where this build does not have it. */
static __always_inline int global_int(struct target *target, __u64 bias, __u32 symbol, int absent)
{
	__u64 vaddr = target->symbol_vaddr[symbol];
	int value = absent;

	if (vaddr)
		bpf_probe_read_user(&value, sizeof(value), (void *)(bias + vaddr));
	return value;
}

/* A global pointer; `absent` where this build does not have it. */
static __always_inline __u64 global_pointer(struct target *target, __u64 bias, __u32 symbol, __u64 absent)
{
	__u64 vaddr = target->symbol_vaddr[symbol];
	__u64 value = absent;

	if (vaddr)
		bpf_probe_read_user(&value, sizeof(value), (void *)(bias + vaddr));
	return value;
}

static __always_inline void emit_line(struct shell *shell, __u8 type, const char *from)
{
	struct record_header header;

	fill_header(&header, shell, type);
	emit_text(&header, from);
	shell->seq = header.seq;
}

static __always_inline void fill_context(struct shell_context *record, struct shell *shell)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct tty_struct *tty;

	fill_header(&record->header, shell, SHELL_CONTEXT);
	if (!shell->prompted)
		record->header.flags |= FLAG_LATE;
	record->parent = BPF_CORE_READ(task, real_parent, tgid);
	record->uid = BPF_CORE_READ(task, cred, uid.val);
	record->euid = BPF_CORE_READ(task, cred, euid.val);
	record->gid = BPF_CORE_READ(task, cred, gid.val);
	record->auid = task_auid(task);
	record->sessionid = task_sessionid(task);
	record->pid_namespace = task_pid_namespace(task);
	record->cgroup_id = bpf_get_current_cgroup_id();
	record->leader = task_session_leader(task, &record->leader_start);
	record->source = shell->source;
	record->reserved = 0;
	tty = BPF_CORE_READ(task, signal, tty);
	__builtin_memset(record->tty, 0, sizeof(record->tty));
	if (tty)
		bpf_core_read_str(record->tty, sizeof(record->tty), &tty->name);
	task_cwd(task, record->cwd, &record->cwd_size, &record->cwd_whole);
}

_Static_assert(sizeof(struct shell_context) <= SCRATCH_SIZE, "scratch");

/* Who types, where: once per command. 0, or -1 where there was no room. */
__noinline int emit_context(struct shell *shell)
{
	struct scratch *slot = claim_scratch();
	struct shell_context *record;
	__u32 size;
	int lost;

	if (!slot)
		return -1;
	if (!shell) {
		release_scratch(slot);
		return -1;
	}
	record = (void *)slot->bytes;
	fill_context(record, shell);
	shell->seq++;
	size = record->cwd_size;
	if (size > CWD_MAX)
		size = CWD_MAX;
	lost = bpf_ringbuf_output(&events, record, __builtin_offsetof(struct shell_context, cwd) + size, 0);
	release_scratch(slot);
	return lost ? -1 : 0;
}

/* A line of only spaces and tabs is nothing typed. Longer than 63 of them counts as something. */
static __always_inline bool is_blank(const char *from)
{
	char start[64] = {};
	int i;

	if (bpf_probe_read_user_str(start, sizeof(start), from) <= 0)
		return false;
	for (i = 0; i < (int)sizeof(start); i++) {
		if (start[i] == 0)
			return true;
		if (start[i] != ' ' && start[i] != '\t' && start[i] != '\n')
			return false;
	}
	return false;
}

/*
 * A command begins: its context is sent, unless the config wants nothing of it.
 * Whether what is typed belongs to the table.
 */
static __always_inline bool begun(struct shell *shell)
{
	if (shell->open)
		return true;
	if (shell->unsent)
		return false;
	if (!source_wanted(shell->source) || process_filtered()) {
		shell->unsent = true;
		return false;
	}
	count(COUNTER_SEEN);
	if (emit_context(shell) < 0) {
		count(COUNTER_LOST_RESERVE);
		record_lost(shell->target, shell->probe);
		shell->unsent = true;
		return false;
	}
	shell->open = true;
	return true;
}

/* A line was typed, of the process at this address: the first of a command, or one more of it. */
__noinline int typed(struct shell *shell, __u32 type, __u64 from)
{
	if (!shell || (!shell->open && is_blank((const char *)from)) || !begun(shell))
		return 0;
	shell->lines++;
	emit_line(shell, type, (const char *)from);
	return 0;
}

/* The same for a text that no NUL ends. */
__noinline int typed_bytes(struct shell *shell, __u32 type, __u64 from, __u32 size)
{
	struct record_header header;

	if (!shell || !begun(shell))
		return 0;
	shell->lines++;
	fill_header(&header, shell, type);
	emit_bytes(&header, (const char *)from, size);
	shell->seq++; /* its chunks have one number */
	return 0;
}

/* What a shell was given with -c begins to run. @type how the text is written: SHELL_LINE … */
static __always_inline void command_string(__u64 cookie, __u64 bias, __u8 type, __u64 text)
{
	struct shell *shell = current_shell_or_new(cookie, bias);

	if (!shell) {
		count(COUNTER_SEEN);
		count(COUNTER_LOST_STATE);
		return;
	}
	if (shell->running || shell->open)
		return;
	shell->prompted = true;
	shell->source = SOURCE_COMMAND_STRING;
	typed(shell, type, text);
	shell->running = true;
	shell->started = bpf_ktime_get_boot_ns();
}

#endif
