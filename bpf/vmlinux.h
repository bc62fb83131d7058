/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The kernel types that our programs touch, and only their members that we read. CO-RE
 * (preserve_access_index) finds each member's real offset in the running kernel's BTF at load time, so
 * the order and the gaps here mean nothing. Members that exist only on some kernels are guarded by
 * bpf_core_field_exists where they are read.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
typedef int pid_t;
enum { false = 0, true = 1 };

/* From include/uapi/linux/bpf.h: the map types that we use. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_RB_NO_WAKEUP = 1 };
/* Helpers that not every kernel has: asked for by bpf_core_enum_value_exists. */
enum bpf_func_id { BPF_FUNC_find_vma = 180 };

/* The context of a uprobe: not CO-RE, its layout is ABI (arch/…/include/asm/ptrace.h). */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
};
struct pt_regs {
	struct user_pt_regs user_regs;
};
#else
#error "unknown target architecture: pass -D__TARGET_ARCH_x86 or -D__TARGET_ARCH_arm64"
#endif

/* The context of a raw tracepoint (include/uapi/linux/bpf.h). */
struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	unsigned int val;
} kuid_t;
typedef struct {
	unsigned int val;
} kgid_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
};

struct tty_struct {
	char name[64];
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

/* the same since 4.19 */
enum pid_type {
	PIDTYPE_PID,
	PIDTYPE_TGID,
	PIDTYPE_PGID,
	PIDTYPE_SID,
	PIDTYPE_MAX,
};

struct signal_struct {
	struct tty_struct *tty;
	struct pid *pids[PIDTYPE_MAX];
};

struct qstr {
	u32 len;
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[PIDTYPE_MAX];
	struct upid numbers[1];
};

struct super_block {
	u32 s_dev; /* as the kernel has it: major << 20 | minor */
};

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

struct inode {
	unsigned short i_mode;
	u32 i_rdev; /* as the kernel has it: major << 20 | minor */
	struct super_block *i_sb;
	unsigned long i_ino;
	s64 i_size;
	u32 i_generation;
	/* since 6.11 */
	s64 i_mtime_sec;
	u32 i_mtime_nsec;
	/* 6.7 to 6.10 */
	struct timespec64 __i_mtime;
	/* up to 6.6 */
	struct timespec64 i_mtime;
};

struct file {
	unsigned int f_flags;
	struct inode *f_inode;
};

struct vm_area_struct {
	struct file *vm_file;
};

struct mm_struct {
	unsigned long start_code;
	unsigned long arg_start;
	struct file *exe_file;
};

struct linux_binprm {
	const char *interp;
};

struct fdtable {
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct {
	struct mm_struct *mm;
	pid_t pid;
	pid_t tgid;
	int exit_code;
	u64 start_boottime; /* since 5.5 */
	struct task_struct *real_parent;
	struct pid *thread_pid;
	const struct cred *cred;
	struct fs_struct *fs;
	struct files_struct *files;
	struct hlist_node pid_links[PIDTYPE_MAX];
	struct signal_struct *signal;
	kuid_t loginuid;
	unsigned int sessionid;
};

#pragma clang attribute pop

#endif
