/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * zsh. It exports its functions and globals in .dynsym for its modules, so a stripped build has them too. Its
 * main loop, loop() in init.c, is the same from 5.8 to 5.9.2:
 *
 *   loop:  preprompt() → parse_event() ── inputline() ── zleentry(ZLE_CMD_READ, …)   a line
 *               │                → hend(): the command is whole, its history expanded; 0: nothing to run
 *               │                → execode(…, "toplevel")                            it runs
 *   and round again: at the entry of preprompt the command before is done, and lastval is its $?.
 *
 * Scripts and standard input come through the same loop, where hbegin() is what preprompt() is at a prompt, and
 * shingetline() what zleentry() is.
 *
 * The line editor is also entered by `select`, which says so in an argument, and by `vared`, which does not
 * come through zleentry: their input is a program's and is never read. Texts are metafied (zsh.h): a byte
 * 0x83 stands for an escape, and the next one has its bit 5 turned.
 */
#ifndef LIVE_AUDIT_ZSH_BPF_H
#define LIVE_AUDIT_ZSH_BPF_H

#include "shell-state.bpf.h"

/* zsh.h: zleentry's first argument, the context that is its fifth, and flags of histdone. */
#define ZLE_CMD_READ 1
#define ZLCON_LINE_CONT 1 /* 0 is the first line, 1 a further one; 2 is `select`, 3 `vared` */
#define HISTFLAG_DONE 1
#define HISTFLAG_NOEXEC 2

/* What is parsed now is a string (eval, a trap, -c) or a sourced file, not what the main loop reads. */
static __always_inline bool zsh_is_nested(struct target *target, __u64 bias)
{
	return global_int(target, bias, ZSH_STRIN, 0) > 0 || global_int(target, bias, ZSH_SOURCELEVEL, 0) > 0;
}

/* static void preprompt(void), utils.c, called by loop() alone, before the first line of each command. */
SEC("uprobe")
int zsh_preprompt(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct shell *shell;
	__u64 bias;

	if (!target)
		return 0;
	bias = PT_REGS_IP(ctx) - target->probe_vaddr[ZSH_PROBE_PREPROMPT];
	shell = current_shell_or_new(cookie, bias);
	if (!shell)
		return 0; /* counted where a line of it is typed */
	ended(shell, SHELL_END, global_int(target, bias, ZSH_LASTVAL, STATUS_UNKNOWN));
	prompts(shell);
	shell->prompted = true;
	shell->interactive = true;
	shell->source = SOURCE_PROMPT;
	return 0;
}

/* char *zleentry(int cmd, …), init.c: (ZLE_CMD_READ, char **prompt, char **rprompt, int flags, int context). */
SEC("uprobe")
int zsh_zleentry(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct shell *shell;

	if (!target)
		return 0;
	shell = current_shell_or_new(cookie, PT_REGS_IP(ctx) - target->probe_vaddr[ZSH_PROBE_ZLEENTRY]);
	if (!shell) {
		if ((int)PT_REGS_PARM1(ctx) == ZLE_CMD_READ) {
			count(COUNTER_SEEN);
			count(COUNTER_LOST_STATE);
		}
		return 0;
	}
	if (shell->reading)
		shell->nested_readlines++; /* by a widget */
	else if ((int)PT_REGS_PARM1(ctx) == ZLE_CMD_READ && (int)PT_REGS_PARM5(ctx) <= ZLCON_LINE_CONT &&
		 !shell->running)
		shell->reading = true;
	return 0;
}

/* Its return: the line with its newline, metafied; NULL at the end of input and after ^C. */
SEC("uretprobe")
int zsh_zleentry_return(struct pt_regs *ctx)
{
	const char *line = (const char *)PT_REGS_RC(ctx);
	struct shell *shell;

	probe_target(bpf_get_attach_cookie(ctx));
	shell = current_shell(ZSH_PROBE_ZLEENTRY_RETURN);
	if (!shell || !shell->reading)
		return 0;
	if (shell->nested_readlines > 0) {
		shell->nested_readlines--;
		return 0;
	}
	shell->reading = false;
	if (line)
		typed(shell, SHELL_META_LINE, (__u64)line);
	return 0;
}

/*
 * void hbegin(int dohist), hist.c: called by loop() before each command from anywhere, with 1; and, nested, for
 * strings. Before a prompt, and again behind it, it comes too: there preprompt says what is to be said. Which
 * shell has prompts is not known before the first one, but no line is read by then.
 */
SEC("uprobe")
int zsh_hbegin(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct shell *shell;
	__u8 source;
	__u64 bias;

	if (!target)
		return 0;
	bias = PT_REGS_IP(ctx) - target->probe_vaddr[ZSH_PROBE_HBEGIN];
	if ((int)PT_REGS_PARM1(ctx) != 1 || zsh_is_nested(target, bias))
		return 0;
	source = global_int(target, bias, ZSH_SHIN, 0) == 0 ? SOURCE_STDIN : SOURCE_SCRIPT;
	if (!source_wanted(source))
		return 0;
	shell = current_shell_or_new(cookie, bias);
	if (!shell || shell->interactive)
		return 0; /* counted where a line of it is read */
	ended(shell, SHELL_END, global_int(target, bias, ZSH_LASTVAL, STATUS_UNKNOWN));
	prompts(shell);
	shell->prompted = true;
	shell->source = source;
	return 0;
}

/* The line of a script that was read last: it is there until the next one is. */
static __always_inline void zsh_tell_line(struct shell *shell)
{
	if (!shell->line_due)
		return;
	shell->line_due = false;
	typed(shell, SHELL_META_LINE, shell->argument);
}

/*
 * char *shingetline(void), input.c, exported in 5.8 and 5.9: a line of a script, of standard input, or of a prompt
 * without the line editor, with its newline and metafied; NULL at the end. inputline() frees the line before when
 * it has this one.
 */
SEC("uretprobe")
int zsh_shingetline_return(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct shell *shell = current_shell(ZSH_PROBE_SHINGETLINE_RETURN);

	if (!target || !shell || shell->interactive || !shell->prompted || shell->running ||
	    zsh_is_nested(target, shell->bias))
		return 0;
	zsh_tell_line(shell);
	shell->argument = PT_REGS_RC(ctx);
	shell->line_due = shell->argument != 0;
	return 0;
}

/* The hend of a script's command, which has no view of the history: what runs begins now, and is told. */
static __always_inline void zsh_script_parsed(struct shell *shell, bool runs)
{
	if (shell->running)
		return;
	if (runs || shell->open)
		zsh_tell_line(shell);
	shell->line_due = false;
	if (!runs)
		return;
	shell->running = true;
	if (shell->open)
		shell->started = bpf_ktime_get_boot_ns();
}

/* What the history made of the open command; once, for a second one would be taken for more of it. */
static __always_inline void zsh_tell_expanded(struct shell *shell, __u64 from, __u32 size)
{
	struct record_header header;

	if (!shell->open || shell->line_sent)
		return;
	shell->line_sent = true;
	fill_header(&header, shell, SHELL_META_EXPANDED);
	emit_bytes(&header, (const char *)from, size);
	shell->seq++;
}

/*
 * int hend(Eprog prog), hist.c: the end of the history's view of a command, called by loop() when it is parsed
 * or cannot be, and for strings and files. chline is the command as it was read, with its history expanded. It
 * also gives the first command after the attach (zleentry was entered before its probe was there), and what
 * is read without the line editor. While a command runs, that is `fc` or `r`, which has the main loop run another.
 */
SEC("uprobe")
int zsh_hend(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct shell *shell;
	__u64 bias, from, to;
	__u32 size;
	int done;

	if (!target)
		return 0;
	bias = PT_REGS_IP(ctx) - target->probe_vaddr[ZSH_PROBE_HEND];
	if (zsh_is_nested(target, bias))
		return 0;
	shell = current_shell(ZSH_PROBE_HEND);
	if (shell && shell->prompted && shell->source >= SOURCE_SCRIPT) {
		zsh_script_parsed(shell, PT_REGS_PARM1(ctx) != 0);
		return 0;
	}
	from = global_pointer(target, bias, ZSH_CHLINE, 0);
	to = global_pointer(target, bias, ZSH_HPTR, 0);
	if (!from || to <= from)
		return 0; /* a script, or nothing was typed */
	shell = current_shell_or_new(cookie, bias);
	if (!shell)
		return 0;
	size = to - from;
	if (shell->running) {
		zsh_tell_expanded(shell, from, size);
		return 0;
	}
	if (shell->parsed || shell->reading)
		return 0;
	if (!shell->open) {
		char first = 0;

		bpf_probe_read_user(&first, sizeof(first), (void *)from);
		if (size == 1 && first == '\n')
			return 0;
		typed_bytes(shell, SHELL_META_LINE, from, size);
	}
	shell->parsed = true;
	done = global_int(target, bias, ZSH_HISTDONE, 0);
	if (!shell->open || (done & (HISTFLAG_DONE | HISTFLAG_NOEXEC)) != HISTFLAG_DONE)
		return 0;
	zsh_tell_expanded(shell, from, size);
	return 0;
}

/* Its return: not 0 where the command runs now (after the user's preexec functions). */
SEC("uretprobe")
int zsh_hend_return(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(ZSH_PROBE_HEND_RETURN);

	if (!target || !shell || !shell->parsed || shell->running || (int)PT_REGS_RC(ctx) == 0 ||
	    zsh_is_nested(target, shell->bias))
		return 0;
	shell->running = true;
	if (shell->open)
		shell->started = bpf_ktime_get_boot_ns();
	return 0;
}

/*
 * void execstring(char *s, int dont_change_job, int exiting, char *context), exec.c: init.c runs -c with the
 * context "cmdarg", from 5.0 on.
 */
SEC("uprobe")
int zsh_execstring(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	char context[4] = {};

	if (!target)
		return 0;
	bpf_probe_read_user(context, sizeof(context), (void *)PT_REGS_PARM4(ctx));
	if (context[0] != 'c' || context[1] != 'm' || context[2] != 'd' || context[3] != 'a')
		return 0;
	command_string(cookie, PT_REGS_IP(ctx) - target->probe_vaddr[ZSH_PROBE_EXECSTRING], SHELL_META_LINE, PT_REGS_PARM1(ctx));
	return 0;
}

#endif
