/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * fish. It exports no symbol, but says with events of these names, which users may wait for, what it runs
 * (reader.cpp, read_i, 3.1 to 3.7):
 *
 *   event_fire_generic(parser, L"fish_preexec", {command});
 *   eval_res = … parser.eval(command, …)
 *   event_fire_generic(parser, L"fish_postexec", {command});
 *
 * fish 4 says the same in Rust (src/reader/reader.rs, read_i, 4.0 to 4.8):
 *
 *   event::fire_generic(parser, L!("fish_preexec").to_owned(), vec![command.clone()]);
 *
 * which mostly is inlined, so that the call is event::fire(parser, &event). Where its $status is differs by version:
 * it is not known.
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

/* Vec<T>, and the Vec<char> in a WString: capacity, T *, length (rustc 1.7x to 1.95, ordered by size and alignment). */
struct rust_vec {
	__u64 capacity;
	__u64 data;
	__u64 length;
};

/* The command in the arguments of fish 4: a vector of one WString, first in the event or the third argument. */
static __always_inline struct wide_text fish_rust_command(struct pt_regs *ctx)
{
	struct rust_vec arguments = {}, command = {};
	struct wide_text text = {};

	bpf_probe_read_user(&arguments, sizeof(arguments), (void *)PT_REGS_PARM2(ctx));
	if (arguments.length != 1)
		bpf_probe_read_user(&arguments, sizeof(arguments), (void *)PT_REGS_PARM3(ctx));
	if (arguments.length != 1 || arguments.capacity == 0)
		return text;
	bpf_probe_read_user(&command, sizeof(command), (void *)arguments.data);
	if (command.length <= command.capacity) {
		text.text = command.data;
		text.length = command.length;
	}
	return text;
}

/* The call with "fish_preexec"; in fish 3 its third argument is a std::vector of one std::wstring. */
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
	if (target->symbol_vaddr[FISH_WRITTEN_IN] == FISH_RUST) {
		command = fish_rust_command(ctx);
	} else {
		bpf_probe_read_user(&first, sizeof(first), (void *)PT_REGS_PARM3(ctx));
		bpf_probe_read_user(&command, sizeof(command), (void *)first);
	}
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
