/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * fish 3. It exports no symbol, but says with events of these names, which users may wait for, what it runs
 * (reader.cpp, read_i, 3.1 to 3.7):
 *
 *   event_fire_generic(parser, L"fish_preexec", {command});
 *   eval_res = … parser.eval(command, …)
 *   event_fire_generic(parser, L"fish_postexec", {command});
 *
 * The probes are on those very calls (tables/shell_history_live/fish.ts finds them by the names), so they are
 * hit once a command that was typed, and by nothing else: what `read` reads is no command.
 */
#ifndef LIVE_AUDIT_FISH_BPF_H
#define LIVE_AUDIT_FISH_BPF_H

#include "shell-state.bpf.h"

/* std::wstring of libstdc++: wchar_t *, size_t length, …; fish's wchar_t has 4 bytes. */
struct wide_text {
	__u64 text;
	__u64 length;
};

#define WIDE_CHARACTER 4
#define WIDE_LENGTH_MAX (16 * 1024 * 1024)

/* The call with "fish_preexec"; its third argument is a std::vector of one std::wstring. */
SEC("uprobe")
int fish_preexec(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct wide_text command = {};
	struct shell *shell;
	__u64 first = 0;

	if (!target)
		return 0;
	bpf_probe_read_user(&first, sizeof(first), (void *)PT_REGS_PARM3(ctx));
	bpf_probe_read_user(&command, sizeof(command), (void *)first);
	if (command.length == 0 || command.length > WIDE_LENGTH_MAX)
		return 0;
	shell = current_shell_or_new(cookie, PT_REGS_IP(ctx) - target->probe_vaddr[FISH_PROBE_PREEXEC]);
	if (!shell) {
		count(COUNTER_SEEN);
		count(COUNTER_LOST_STATE);
		return 0;
	}
	ended(shell, SHELL_END, STATUS_UNKNOWN);
	prompts(shell);
	shell->prompted = true;
	typed_bytes(shell, SHELL_WIDE_LINE, command.text, command.length * WIDE_CHARACTER);
	shell->running = true;
	shell->started = bpf_ktime_get_boot_ns();
	return 0;
}

/*
 * Behind the call of parser.eval: its answer is eval_res_t in rax and rdx, whose first member is a wait status
 * that is made of $status.
 */
SEC("uprobe")
int fish_evaluated(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(FISH_PROBE_EVALUATED);

	if (target && shell && shell->running) {
		ended(shell, SHELL_END, exit_code_of((int)PT_REGS_RC(ctx)));
		prompts(shell);
	}
	return 0;
}

/* The call with "fish_postexec": the end where the one before was not found. */
SEC("uprobe")
int fish_postexec(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct shell *shell = current_shell(FISH_PROBE_POSTEXEC);

	if (target && shell && shell->running) {
		ended(shell, SHELL_END, STATUS_UNKNOWN);
		prompts(shell);
	}
	return 0;
}

#endif
