/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Shells without symbols: what passes through the stubs by which they call libc.
 *
 * dash reads a prompt's lines in preadfd (input.c) by one read() of its whole buffer from descriptor 0, in
 * every version with a buffer (0.5.4 on); its builtin `read` asks for a byte at a time, and is never looked at.
 * When it reads again, the command before is over; its $? is in no place that has a name.
 */
#ifndef LIVE_AUDIT_READ_LINE_BPF_H
#define LIVE_AUDIT_READ_LINE_BPF_H

#include "shell-state.bpf.h"

SEC("uprobe")
int sh_read(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct task_struct *task = (void *)bpf_get_current_task();
	struct shell *shell;

	if (!target || (int)PT_REGS_PARM1(ctx) != 0 || PT_REGS_PARM3(ctx) <= 1 || !file_is_tty(task_file(task, 0)))
		return 0;
	shell = current_shell_or_new(cookie, PT_REGS_IP(ctx) - target->probe_vaddr[SH_PROBE_READ]);
	if (!shell)
		return 0;
	ended(shell, SHELL_END, STATUS_UNKNOWN);
	prompts(shell);
	shell->prompted = true;
	shell->reading = true;
	shell->argument = PT_REGS_PARM2(ctx);
	return 0;
}

SEC("uretprobe")
int sh_read_return(struct pt_regs *ctx)
{
	struct shell *shell;
	long size = (long)PT_REGS_RC(ctx);
	char first = 0;

	probe_target(bpf_get_attach_cookie(ctx));
	shell = current_shell(SH_PROBE_READ_RETURN);
	if (!shell || !shell->reading)
		return 0;
	shell->reading = false;
	if (size <= 0 || size > TEXT_CHUNK)
		return 0;
	bpf_probe_read_user(&first, sizeof(first), (void *)shell->argument);
	if (size == 1 && first == '\n')
		return 0;
	typed_bytes(shell, SHELL_INPUT, shell->argument, size);
	shell->running = true;
	shell->started = bpf_ktime_get_boot_ns();
	return 0;
}

#endif
