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
 * The session leader: whom getsid() gives, and when it began (CLOCK_BOOTTIME, ns; 0: it is gone). signal->pids
 * and pid->tasks are the same since 4.19, start_boottime since 5.5.
 */
static __always_inline __u32 task_session_leader(struct task_struct *task, __u64 *start)
{
	struct pid *session = BPF_CORE_READ(task, signal, pids[PIDTYPE_SID]);
	struct hlist_node *first = BPF_CORE_READ(session, tasks[PIDTYPE_PID].first);
	struct task_struct *leader;

	*start = 0;
	if (first) {
		leader = (void *)first - bpf_core_field_offset(struct task_struct, pid_links);
		*start = BPF_CORE_READ(leader, start_boottime);
	}
	return BPF_CORE_READ(session, numbers[0].nr);
}

/* The file behind a descriptor that the task has just used, so that its table is long enough; or NULL. */
static __always_inline struct file *task_file(struct task_struct *task, __u32 fd)
{
	struct file **table = BPF_CORE_READ(task, files, fdt, fd);
	struct file *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), table + fd);
	return file;
}

/* Whether a file is a terminal: a character device with the major number of one. */
static __always_inline bool file_is_tty(struct file *file)
{
	struct inode *inode;
	__u32 major;

	if (!file)
		return false;
	inode = BPF_CORE_READ(file, f_inode);
	if ((BPF_CORE_READ(inode, i_mode) & 0170000) != 0020000)
		return false;
	major = BPF_CORE_READ(inode, i_rdev) >> 20;
	/* Documentation/admin-guide/devices.txt: virtual consoles, serial lines, /dev/tty, pseudo-terminals */
	return major == 4 || major == 5 || (major >= 136 && major <= 143) || major == 204 || major == 188 ||
	       major == 229;
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
