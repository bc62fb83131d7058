/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * bash. It exports its functions and globals in .dynsym (it links itself with -rdynamic for loadable
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
 *
 * Scripts and standard input come through the same loop without readline and pre_process_line, as do the
 * lines of a prompt with `--noediting` and `set +o history`. Of those shell_getc has the text in
 * shell_input_line, and calls notify_and_cleanup before it reads the next one into it.
 */
#ifndef LIVE_AUDIT_BASH_BPF_H
#define LIVE_AUDIT_BASH_BPF_H

#include "shell-state.bpf.h"

/* Whether read_command parsed anything: not a comment, not a syntax error. */
static __always_inline bool bash_has_command(struct target *target, __u64 bias)
{
	return global_pointer(target, bias, BASH_GLOBAL_COMMAND, 1) != 0;
}

/* BASH_INPUT in input.h, the same from 4.4 to 5.3: enum type, char *name, union location, … */
#define BASH_INPUT_LOCATION 16

/* What a shell that is not interactive reads: descriptor 0, or a script that bash moved to another one. */
static __always_inline __u8 bash_input_source(struct target *target, __u64 bias)
{
	__u64 vaddr = target->symbol_vaddr[BASH_INPUT_SOURCE];
	int fd = 0;

	if (vaddr)
		bpf_probe_read_user(&fd, sizeof(fd), (void *)(bias + vaddr + BASH_INPUT_LOCATION));
	return fd == 0 ? SOURCE_STDIN : SOURCE_SCRIPT;
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
	__u8 source = SOURCE_PROMPT;
	struct shell *shell;
	__u64 bias;

	if (!target)
		return 0;
	bias = PT_REGS_IP(ctx) - target->probe_vaddr[PROBE_READ_COMMAND];
	if (global_int(target, bias, BASH_INTERACTIVE, 1) == 0) {
		source = bash_input_source(target, bias);
		if (!source_wanted(source))
			return 0;
	}
	shell = current_shell_or_new(cookie, bias);
	if (!shell)
		return 0; /* counted where a line of it is typed */
	ended(shell, SHELL_END, global_int(target, bias, BASH_LAST_COMMAND_EXIT_VALUE, STATUS_UNKNOWN));
	prompts(shell);
	shell->prompted = true;
	shell->source = source;
	return 0;
}

/* The line in shell_input_line, if no other hook has told it. */
static __always_inline void bash_tell_line(struct target *target, struct shell *shell)
{
	__u64 line;

	if (!shell->line_due)
		return;
	shell->line_due = false;
	line = global_pointer(target, shell->bias, BASH_SHELL_INPUT_LINE, 0);
	if (line)
		typed(shell, SHELL_INPUT, (__u64)line);
}

/*
 * The return of read_command: 0 with global_command set, and that runs now; or there was nothing to run (a
 * comment, a syntax error). ^C at the prompt jumps over this return (longjmp to reader_loop); the next
 * entry puts things right. Of a script, what does not run is not told.
 */
SEC("uretprobe")
int bash_read_command_return(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(PROBE_READ_COMMAND_RETURN);
	bool runs;

	if (!target || !shell)
		return 0;
	runs = (int)PT_REGS_RC(ctx) == 0 && bash_has_command(target, shell->bias);
	if (runs || shell->source == SOURCE_PROMPT || shell->open)
		bash_tell_line(target, shell);
	shell->running = true;
	if (shell->open && runs)
		shell->started = bpf_ktime_get_boot_ns();
	return 0;
}

/* Whether the parser of the main loop reads, and not a command, a trap, PROMPT_COMMAND or a key binding. */
static __always_inline bool bash_is_parsing(struct target *target, struct shell *shell)
{
	return shell->prompted && !shell->running &&
	       global_int(target, shell->bias, BASH_PARSE_AND_EXECUTE_LEVEL, 0) <= 0;
}

/*
 * void notify_and_cleanup(void), jobs.c, since 2.0: called by shell_getc before it reads a line from anywhere,
 * and by traps and wait_for while a command runs. The line before is whole, and still there. Since 5.3
 * parse_command calls it too, once at a prompt and before shell_getc does.
 */
SEC("uprobe")
int bash_notify_and_cleanup(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(PROBE_NOTIFY_AND_CLEANUP);

	if (!target || !shell || shell->reading || !bash_is_parsing(target, shell))
		return 0;
	if (shell->source == SOURCE_PROMPT && shell->notified < target->symbol_vaddr[BASH_NOTIFICATIONS] &&
	    ++shell->notified < target->symbol_vaddr[BASH_NOTIFICATIONS])
		return 0;
	bash_tell_line(target, shell);
	shell->line_due = true;
	return 0;
}

/*
 * char *read_secondary_line(int remove_quoted_newline), parse.y, the same from 4.4 to 5.3: a line of a
 * here-document, which comes neither through shell_getc nor, at a prompt, through pre_process_line. Where it is
 * read by readline, that has told it.
 */
SEC("uprobe")
int bash_read_secondary_line(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(PROBE_READ_SECONDARY_LINE);

	if (!target || !shell || !bash_is_parsing(target, shell))
		return 0;
	bash_tell_line(target, shell);
	shell->line_sent = false;
	return 0;
}

/* Its return: the line with its newline; NULL at the end of input. */
SEC("uretprobe")
int bash_read_secondary_line_return(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(PROBE_READ_SECONDARY_LINE_RETURN);
	__u64 line = PT_REGS_RC(ctx);

	if (!target || !shell || !shell->open || !bash_is_parsing(target, shell))
		return 0;
	if (line && !shell->line_sent)
		typed(shell, SHELL_INPUT, line);
	shell->line_sent = false;
	return 0;
}

/*
 * int parse_and_execute(char *string, const char *from_file, int flags), evalstring.c: `eval`, `source`,
 * traps and more; run_one_command in shell.c calls it for -c, in 4.4 to 5.3, and says so in from_file.
 */
SEC("uprobe")
int bash_parse_and_execute(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	char from[3] = {};

	if (!target)
		return 0;
	bpf_probe_read_user(from, sizeof(from), (void *)PT_REGS_PARM2(ctx));
	if (from[0] != '-' || from[1] != 'c' || from[2] != 0)
		return 0;
	command_string(cookie, PT_REGS_IP(ctx) - target->probe_vaddr[PROBE_PARSE_AND_EXECUTE], SHELL_LINE, PT_REGS_PARM1(ctx));
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
	    global_int(target, shell->bias, BASH_PARSE_AND_EXECUTE_LEVEL, 0) > 0)
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
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(PROBE_READLINE_RETURN);

	if (!shell)
		return 0;
	if (shell->nested_readlines > 0) {
		shell->nested_readlines--;
		return 0;
	}
	if (!shell->reading)
		return 0;
	shell->reading = false;
	shell->line_due = false;
	if (shell->edited && target) {
		ended(shell, SHELL_END, global_int(target, shell->bias, BASH_LAST_COMMAND_EXIT_VALUE, STATUS_UNKNOWN));
		shell->edited = false;
	}
	if (!line)
		return 0;
	typed(shell, SHELL_LINE, (__u64)line);
	shell->line_sent = true;
	return 0;
}

/*
 * A line that an editor gave: to `fc` while that runs, or to a key of the line editor (C-x C-e, or v in vi mode),
 * which runs `fc` behind the back of the parser. Of all that parse_and_execute runs they alone keep a history
 * (FEVAL_HISTORY in evalfile.c, 4.4 to 5.3).
 */
static __always_inline void bash_edited_line(struct shell *shell, const char *line)
{
	if (!shell || !shell->prompted || !(shell->running || shell->reading))
		return;
	if (!shell->open && !shell->running)
		shell->edited = true;
	typed(shell, SHELL_LINE, (__u64)line);
	if (shell->started == 0)
		shell->started = bpf_ktime_get_boot_ns();
}

/*
 * char *pre_process_line(char *line, int print_changes, int addit), bashhist.c, the same since 2.0: history
 * expansion of one line before the parser sees it. It also gives the first line after the attach (readline
 * was entered before its probe was there) and the lines of a shell without line editing. Keys that expand the
 * history of a line while it is typed (magic-space) call it with addit 0.
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
	if ((int)PT_REGS_PARM3(ctx) == 0 || global_int(target, bias, BASH_INTERACTIVE, 1) == 0)
		return 0;
	if (global_int(target, bias, BASH_PARSE_AND_EXECUTE_LEVEL, 0) > 0) {
		bash_edited_line(current_shell(PROBE_PRE_PROCESS_LINE), line);
		return 0;
	}
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
		typed(shell, SHELL_LINE, (__u64)line);
	shell->line_sent = false;
	shell->line_due = false;
	shell->argument = (__u64)line;
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
	int status;

	if (!target || !shell)
		return 0;
	before = shell->argument;
	shell->argument = 0;
	if (!before || line == before || !shell->open)
		return 0;
	if (line) {
		emit_line(shell, SHELL_EXPANDED, (const char *)line);
		if (bpf_probe_read_user(&first, sizeof(first), (const void *)line) == 0 && first == 0)
			forget_line(shell);
		return 0;
	}
	forget_line(shell);
	status = global_int(target, shell->bias, BASH_LAST_COMMAND_EXIT_VALUE, STATUS_UNKNOWN);
	if (shell->lines > 0) {
		emit_status(shell, SHELL_REJECTED, 0, status);
		return 0;
	}
	shell->open = false;
	if (!ending_filtered(SHELL_REJECTED, status))
		emit_status(shell, SHELL_REJECTED, FLAG_LAST, status);
	else if (emit_status(shell, SHELL_FILTERED, 0, status) == 0)
		count(COUNTER_FILTERED);
	return 0;
}

#endif
