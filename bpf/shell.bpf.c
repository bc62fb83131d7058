// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * What is typed into bash, and what came of it: records for tables/shell_history_live.
 *
 * bash exports its functions and globals in .dynsym (it links itself with -rdynamic for loadable
 * builtins), so a stripped build has them too. Its main loop, reader_loop in eval.c, is the same in every
 * version from 4.4 to 5.3:
 *
 *   reader_loop:  read_command() ── parse_command() ── shell_getc() ── readline()          a line
 *                      │                                    └──────── pre_process_line()   … expanded
 *                      └ returns: execute_command()                                        it runs
 *   and round again: at the entry of read_command the command before is done, and $? is its status.
 *
 * What else calls readline (`read -e` in a command, in PROMPT_COMMAND, in a trap or in a key binding) is
 * input of a program and may be a password: it is never read. A command runs between the return of
 * read_command and its next entry; the others run with parse_and_execute_level > 0.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.bpf.h"
#include "shell.h"
#include "task.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define MAX_SHELLS 16384

/* One process that runs a shell. */
struct shell {
	__u64 bias;             /* where the binary is loaded, less where it was linked */
	__u64 expanding;        /* pre_process_line's argument while it runs */
	__u64 started;          /* when the open command began to run, CLOCK_BOOTTIME, ns; 0: it does not yet */
	__u32 target;
	__u32 seq;              /* of the next record */
	__u32 lines;            /* of the command being typed */
	__u32 nested_readlines; /* calls of readline that are not ours to read */
	bool open;              /* a command is being typed or runs: its context was sent */
	bool lost;              /* its context could not be sent: nothing of it will be */
	bool running;           /* between the return of read_command and its next entry */
	bool reading;           /* readline was called by the parser */
	bool line_sent;         /* readline gave the line that pre_process_line gets next */
	bool prompted;          /* its read_command was seen: false right after the attach */
	__u8 probe;             /* which hook runs now: the records are its own */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SHELLS);
	__type(key, __u32);
	__type(value, struct shell);
} shells SEC(".maps");

static __always_inline __u32 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
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

static __always_inline struct shell *current_shell_or_new(__u64 cookie, __u64 bias)
{
	struct shell fresh = { .target = COOKIE_TARGET(cookie), .bias = bias };
	__u32 tgid = current_tgid();
	struct shell *shell = bpf_map_lookup_elem(&shells, &tgid);

	if (!shell) {
		bpf_map_update_elem(&shells, &tgid, &fresh, BPF_NOEXIST);
		shell = bpf_map_lookup_elem(&shells, &tgid);
	} else if (shell->bias != bias) {
		/* the pid was used again, or exec was missed: what we knew is of another process */
		fresh.seq = shell->seq;
		*shell = fresh;
	}
	if (shell)
		shell->probe = COOKIE_PROBE(cookie);
	return shell;
}

/* A global int of bash; `absent` where this bash does not have it. */
static __always_inline int bash_int(struct target *target, __u64 bias, enum bash_symbol symbol, int absent)
{
	__u64 vaddr = target->symbol_vaddr[symbol];
	int value = absent;

	if (vaddr)
		bpf_probe_read_user(&value, sizeof(value), (void *)(bias + vaddr));
	return value;
}

/* Whether read_command parsed anything: not a comment, not a syntax error. */
static __always_inline bool bash_has_command(struct target *target, __u64 bias)
{
	__u64 vaddr = target->symbol_vaddr[BASH_GLOBAL_COMMAND];
	__u64 command = 1;

	if (vaddr)
		bpf_probe_read_user(&command, sizeof(command), (void *)(bias + vaddr));
	return command != 0;
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

static __always_inline void emit_status(struct shell *shell, __u8 type, __u16 flags, int status)
{
	struct shell_status record = { .status = status, .started = shell->started };

	fill_header(&record.header, shell, type);
	record.header.flags = flags;
	shell->seq++;
	emit(&record, sizeof(record), COUNTER_RECORDS_LOST);
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
	record->reserved = 0;
	tty = BPF_CORE_READ(task, signal, tty);
	__builtin_memset(record->tty, 0, sizeof(record->tty));
	if (tty)
		bpf_core_read_str(record->tty, sizeof(record->tty), &tty->name);
	task_cwd(task, record->cwd, &record->cwd_size, &record->cwd_whole);
}

_Static_assert(sizeof(struct shell_context) <= SCRATCH_SIZE, "scratch");

/* Who types, where: once per command. 0, or -1 where there was no room. */
static __noinline int emit_context(struct shell *shell)
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
		if (start[i] != ' ' && start[i] != '\t')
			return false;
	}
	return false;
}

/* A line was typed: the first of a command, or one more of it. */
static __always_inline void typed(struct shell *shell, const char *from)
{
	if (shell->lost)
		return;
	if (!shell->open) {
		if (is_blank(from))
			return;
		count(COUNTER_SEEN);
		if (emit_context(shell) < 0) {
			count(COUNTER_LOST_RESERVE);
			record_lost(shell->target, shell->probe);
			shell->lost = true;
			return;
		}
		shell->open = true;
	}
	shell->lines++;
	emit_line(shell, SHELL_LINE, from);
}

/* The command is over, one way or another. */
static __always_inline void ended(struct shell *shell, __u8 type, int status)
{
	if (shell->open)
		emit_status(shell, type, 0, status);
	shell->open = false;
	shell->lost = false;
	shell->lines = 0;
	shell->started = 0;
}

/*
 * int read_command(void), eval.c. Called by reader_loop alone, once per command, in every version since
 * 2.0. At its entry the command before is done and last_command_exit_value is its $?: lists, loops,
 * functions, subshells, ^C and syntax errors included, since reader_loop comes back here after each.
 */
SEC("uprobe")
int bash_read_command(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct shell *shell;
	__u64 bias;

	if (!target)
		return 0;
	bias = PT_REGS_IP(ctx) - target->probe_vaddr[PROBE_READ_COMMAND];
	shell = current_shell_or_new(cookie, bias);
	if (!shell)
		return 0; /* counted where a line of it is typed */
	ended(shell, SHELL_END, bash_int(target, bias, BASH_LAST_COMMAND_EXIT_VALUE, STATUS_UNKNOWN));
	shell->prompted = true;
	shell->running = false;
	shell->reading = false;
	shell->line_sent = false;
	shell->nested_readlines = 0;
	return 0;
}

/*
 * The return of read_command: 0 with global_command set, and that runs now; or there was nothing to run (a
 * comment, a syntax error). ^C at the prompt jumps over this return (longjmp to reader_loop); the next
 * entry puts things right.
 */
SEC("uretprobe")
int bash_read_command_return(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(PROBE_READ_COMMAND_RETURN);

	if (!target || !shell)
		return 0;
	shell->running = true;
	if (shell->open && (int)PT_REGS_RC(ctx) == 0 && bash_has_command(target, shell->bias))
		shell->started = bpf_ktime_get_boot_ns();
	return 0;
}

/*
 * char *readline(const char *prompt), lib/readline/readline.c: stable API of the library. Only a call by
 * the parser of the main loop is ours; any other is `read -e`, whose input we must not see.
 */
SEC("uprobe")
int bash_readline(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(PROBE_READLINE);

	if (!target || !shell)
		return 0;
	if (shell->reading || shell->running ||
	    bash_int(target, shell->bias, BASH_PARSE_AND_EXECUTE_LEVEL, 0) > 0)
		shell->nested_readlines++;
	else
		shell->reading = true;
	return 0;
}

/* The return of readline: the line as typed, without its newline, or NULL at the end of input. */
SEC("uretprobe")
int bash_readline_return(struct pt_regs *ctx)
{
	const char *line = (const char *)PT_REGS_RC(ctx);
	struct shell *shell;

	probe_target(bpf_get_attach_cookie(ctx));
	shell = current_shell(PROBE_READLINE_RETURN);
	if (!shell)
		return 0;
	if (shell->nested_readlines > 0) {
		shell->nested_readlines--;
		return 0;
	}
	if (!shell->reading)
		return 0;
	shell->reading = false;
	if (!line)
		return 0;
	typed(shell, line);
	shell->line_sent = true;
	return 0;
}

/*
 * char *pre_process_line(char *line, int print_changes, int addit), bashhist.c, the same since 2.0: history
 * expansion of one line before the parser sees it. It also gives the first line after the attach (readline
 * was entered before its probe was there) and the lines of a shell without line editing.
 */
SEC("uprobe")
int bash_pre_process_line(struct pt_regs *ctx)
{
	const char *line = (const char *)PT_REGS_PARM1(ctx);
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct shell *shell;
	__u64 bias;

	if (!target)
		return 0;
	bias = PT_REGS_IP(ctx) - target->probe_vaddr[PROBE_PRE_PROCESS_LINE];
	if (bash_int(target, bias, BASH_PARSE_AND_EXECUTE_LEVEL, 0) > 0 ||
	    bash_int(target, bias, BASH_INTERACTIVE, 1) == 0)
		return 0;
	shell = current_shell_or_new(cookie, bias);
	if (!shell) {
		if (!is_blank(line)) {
			count(COUNTER_SEEN);
			count(COUNTER_LOST_STATE);
		}
		return 0;
	}
	if (shell->running)
		return 0;
	if (!shell->line_sent)
		typed(shell, line);
	shell->line_sent = false;
	shell->expanding = (__u64)line;
	return 0;
}

static __always_inline void forget_line(struct shell *shell)
{
	if (shell->lines > 0)
		shell->lines--;
}

/*
 * The return of pre_process_line: the same pointer where there was nothing to expand, another where there
 * was, NULL where the expansion failed or only printed (`!!:p`): the parser then asks for another line.
 * With `shopt -s histverify` it is empty: the user goes on editing the expanded line.
 */
SEC("uretprobe")
int bash_pre_process_line_return(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct shell *shell = current_shell(PROBE_PRE_PROCESS_LINE_RETURN);
	__u64 line = PT_REGS_RC(ctx);
	char first = 0;
	__u64 before;

	if (!target || !shell)
		return 0;
	before = shell->expanding;
	shell->expanding = 0;
	if (!before || line == before || !shell->open)
		return 0;
	if (line) {
		emit_line(shell, SHELL_EXPANDED, (const char *)line);
		if (bpf_probe_read_user(&first, sizeof(first), (const void *)line) == 0 && first == 0)
			forget_line(shell);
		return 0;
	}
	forget_line(shell);
	if (shell->lines == 0)
		shell->open = false;
	emit_status(shell, SHELL_REJECTED, shell->open ? 0 : FLAG_LAST,
		    bash_int(target, shell->bias, BASH_LAST_COMMAND_EXIT_VALUE, STATUS_UNKNOWN));
	return 0;
}

/*
 * sched_process_exec(task, old_pid, bprm): the shell became another program (`exec cmd`), and with it
 * everything we know of it is void. A raw tracepoint needs no tracefs. Its first argument is the task
 * since 2.6.
 */
SEC("raw_tp/sched_process_exec")
int shell_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct shell *shell = current_shell(PROBE_NONE);
	__u32 tgid = current_tgid();

	if (!shell)
		return 0;
	ended(shell, SHELL_EXEC, 0);
	bpf_map_delete_elem(&shells, &tgid);
	return 0;
}

/*
 * sched_process_exit(task, …): the shell is gone, by `exit N`, the end of its input or a signal; the kernel
 * knows which. Fires per thread; a shell has one.
 */
SEC("raw_tp/sched_process_exit")
int shell_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();
	struct shell *shell = current_shell(PROBE_NONE);
	__u32 tgid = id >> 32;

	if (!shell || tgid != (__u32)id)
		return 0;
	ended(shell, SHELL_EXIT, BPF_CORE_READ(task, exit_code));
	bpf_map_delete_elem(&shells, &tgid);
	return 0;
}
