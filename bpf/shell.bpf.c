// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * What is typed into shells, and what came of it: records for tables/shell_history_live. The hooks of each
 * shell are in a file of their own; here is what ends any of them.
 */
#include "vmlinux.h"

#include "shell-state.bpf.h"

#include "bash.bpf.h"
#include "fish.bpf.h"
#include "read-line.bpf.h"
#include "zsh.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * sched_process_exec(task, old_pid, bprm): the shell became another program (`exec cmd`), and with it
 * everything we know of it is void. What -c runs last mostly takes the shell's place: that command is over
 * when the process is. A raw tracepoint needs no tracefs. Its first argument is the task since 2.6.
 */
SEC("raw_tp/sched_process_exec")
int shell_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct shell *shell = current_shell(PROBE_NONE);
	__u32 tgid = current_tgid();

	if (!shell)
		return 0;
	if (shell->open && shell->source == SOURCE_COMMAND_STRING) {
		shell->replaced = true;
		return 0;
	}
	ended(shell, SHELL_EXEC, 0);
	bpf_map_delete_elem(&shells, &tgid);
	return 0;
}

/*
 * sched_process_exit(task, …): the shell is gone, by `exit N`, the end of its input or a signal; the kernel
 * knows which. Fires per thread; that of the process is the one with its id.
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
