/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Shells without symbols: where they call for a line (tables/shell_history_live/line-reader.ts finds that).
 *
 * dash reads a prompt's lines in preadfd (input.c) by one read() of its whole buffer from descriptor 0, in
 * every version with a buffer (0.5.4 on); its builtin `read` asks for a byte at a time elsewhere, and is never
 * looked at. When it reads the first line of another, the command before is over; its $? is in no place that has
 * a name.
 *
 * busybox's ash calls read_line_input(state, prompt, buffer, size), which other programs in the same file call
 * too. The builtin `read` has no part in it.
 *
 * The probes are on the call, which the kernel emulates, and behind it: a stub of the PLT begins with a jump that it
 * has to single-step, which takes 20 us, and is hit by each byte that the builtin `read` of a script asks for.
 *
 * Which line is the first of a command tells the stack: in both, the main loop (cmdloop) has the parser read it at
 * one depth, and whatever else the parser reads (in a loop, a quote) it reads from further down. There are two
 * exceptions, which the text of the line before tells: behind a backslash at its end the parser may ask for more from
 * where it was; and the first line of a here-document is read from about there or further up (parseheredoc).
 */
#ifndef LIVE_AUDIT_READ_LINE_BPF_H
#define LIVE_AUDIT_READ_LINE_BPF_H

#include "shell-state.bpf.h"

/* The buffer into which the shell reads a line of its prompt; 0: it reads something else. */
static __always_inline __u64 sh_line_buffer(struct pt_regs *ctx, struct target *target)
{
	__u64 second = PT_REGS_PARM2(ctx);
	__u64 third = PT_REGS_PARM3(ctx);

	barrier_var(second); /* or clang makes one load of both, by an address that the verifier refuses */
	barrier_var(third);
	if (target->symbol_vaddr[SH_READS_BY] == SH_LINE_EDITOR)
		return third;
	if ((int)PT_REGS_PARM1(ctx) != 0)
		return 0;
	return file_is_tty(task_file((void *)bpf_get_current_task(), 0)) ? second : 0;
}

/* Whether a line ends in a backslash that takes its newline away. Of more than 8 only 8 are counted. */
static __always_inline bool sh_ends_in_backslash(__u64 line, long size)
{
	char end[9] = {}; /* what stands before a shorter line is not looked at */
	bool odd = false;
	int i;

	if (bpf_probe_read_user(end, sizeof(end), (void *)(line + size - sizeof(end))) != 0 || end[8] != '\n')
		return false;
	for (i = 1; i < (int)sizeof(end); i++) {
		if (i >= size || end[8 - i] != '\\')
			break;
		odd = !odd;
	}
	return odd;
}

#define HEREDOC_LOOK 192

static __always_inline bool starts_word(char c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '\'' || c == '"' || c == '\\';
}

/* How many here-documents a line seems to ask for: `<<word`, `<<-word`, `<< word`. */
__noinline int sh_heredocs(__u64 line, long size)
{
	char text[HEREDOC_LOOK] = {};
	int found = 0;
	int i;

	bpf_probe_read_user(text, sizeof(text), (void *)line);
	for (i = 0; i < HEREDOC_LOOK - 3; i++) {
		if (i + 3 >= size)
			break;
		if (text[i] == '<' && text[i + 1] == '<' &&
		    starts_word(text[i + 2] == '-' || text[i + 2] == ' ' ? text[i + 3] : text[i + 2]))
			found++;
	}
	return found;
}

/* Whether the line that is read now belongs to the command before it. */
static __always_inline bool sh_goes_on(struct shell *shell, __u64 depth)
{
	if (!shell->open && !shell->unsent)
		return false;
	if (shell->heredocs_due > 0) {
		shell->heredocs_due--;
		return true;
	}
	return depth < shell->prompt_depth || shell->continued || (shell->heredoc && depth > shell->prompt_depth);
}

SEC("uprobe")
int sh_read(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct shell *shell;
	__u64 bias, buffer, depth;

	if (!target)
		return 0;
	bias = PT_REGS_IP(ctx) - target->probe_vaddr[SH_PROBE_READ];
	buffer = sh_line_buffer(ctx, target);
	if (!buffer)
		return 0;
	shell = current_shell_or_new(cookie, bias);
	if (!shell)
		return 0;
	depth = PT_REGS_SP(ctx);
	if (!sh_goes_on(shell, depth)) {
		ended(shell, SHELL_END, STATUS_UNKNOWN);
		shell->heredoc = false;
		shell->heredocs_due = 0;
		if (depth > shell->prompt_depth)
			shell->prompt_depth = depth; /* the first one, or the attach was amid a command */
	}
	prompts(shell);
	shell->prompted = true;
	shell->reading = true;
	shell->argument = buffer;
	return 0;
}

/* Behind the call: how many bytes came. */
SEC("uprobe")
int sh_read_done(struct pt_regs *ctx)
{
	struct shell *shell;
	long size = (int)PT_REGS_RC(ctx);
	char first = 0;

	probe_target(bpf_get_attach_cookie(ctx));
	shell = current_shell(SH_PROBE_READ_DONE);
	if (!shell || !shell->reading)
		return 0;
	shell->reading = false;
	if (size <= 0 || size > TEXT_CHUNK)
		return 0;
	bpf_probe_read_user(&first, sizeof(first), (void *)shell->argument);
	if (size == 1 && first == '\n' && !shell->open)
		return 0;
	if (!shell->heredoc)
		shell->heredocs_due = sh_heredocs(shell->argument, size);
	shell->heredoc = shell->heredoc || shell->heredocs_due > 0;
	shell->continued = sh_ends_in_backslash(shell->argument, size);
	typed_bytes(shell, SHELL_INPUT, shell->argument, size);
	shell->running = true;
	shell->started = bpf_ktime_get_boot_ns();
	return 0;
}

#endif
