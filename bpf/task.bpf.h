/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Who and where the current task is. Every member is found by CO-RE; a missing one gives "not known". */
#ifndef LIVE_AUDIT_TASK_BPF_H
#define LIVE_AUDIT_TASK_BPF_H

#include <bpf/bpf_core_read.h>

#define AUDIT_UNSET 4294967295u

/* The mount around a vfsmount: container_of with the offset that this kernel has. */
#define mount_of(vfsmnt) ((struct mount *)((char *)(vfsmnt)-bpf_core_field_offset(struct mount, mnt)))

static __always_inline __u32 task_auid(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->loginuid)) /* a kernel without CONFIG_AUDIT */
		return AUDIT_UNSET;
	return BPF_CORE_READ(task, loginuid.val);
}

static __always_inline __u32 task_sessionid(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->sessionid))
		return AUDIT_UNSET;
	return BPF_CORE_READ(task, sessionid);
}

/* Inode number of the task's own pid namespace (not the one for its children). */
static __always_inline __u32 task_pid_namespace(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level); /* the deepest namespace is the task's own */
	struct upid *last = (void *)&pid->numbers[0] + level * bpf_core_type_size(struct upid);

	return BPF_CORE_READ(last, ns, ns.inum);
}

/*
 * The names of the working directory from the leaf up to the process's own root, each ended by a NUL,
 * across mounts. `bpf_d_path` is not allowed in uprobes, so this walks as fs/d_path.c does.
 * *used gets the bytes used; *whole tells whether the root was reached. `used` lives in the record and is
 * read back in each round, so that to the verifier all rounds look alike: as a local it made a million
 * states.
 */
static __always_inline void task_cwd(struct task_struct *task, char *buffer, volatile __u32 *used,
				     __u32 *whole)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct dentry *dentry = BPF_CORE_READ(fs, pwd.dentry);
	struct vfsmount *mnt = BPF_CORE_READ(fs, pwd.mnt);
	struct dentry *root_dentry = BPF_CORE_READ(fs, root.dentry);
	struct vfsmount *root_mnt = BPF_CORE_READ(fs, root.mnt);
	int i;

	*used = 0;
	*whole = 0;
	for (i = 0; i < CWD_DEPTH; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		const unsigned char *name;
		__u32 at = *used;
		long n;

		if (dentry == root_dentry && mnt == root_mnt) {
			*whole = 1;
			break;
		}
		if (dentry == BPF_CORE_READ(mnt, mnt_root) || dentry == parent) {
			struct mount *mount = mount_of(mnt);
			struct mount *up = BPF_CORE_READ(mount, mnt_parent);

			if (up == mount) { /* the top of the namespace, outside the process's root */
				*whole = 1;
				break;
			}
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mnt = &up->mnt;
			continue;
		}
		if (at > CWD_MAX - 256) /* NAME_MAX is 255 */
			break;
		name = BPF_CORE_READ(dentry, d_name.name);
		n = bpf_probe_read_kernel_str(buffer + at, 256, name);
		if (n <= 0)
			break;
		*used = at + n;
		dentry = parent;
	}
}

#endif
