// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Tells user space of every program file that is run for the first time, so that a shell or a server is
 * found wherever it lies: new package, copy, chroot, container. Each file is reported once: afterwards an
 * exec costs one look-up. What could not be reported is not marked, so the next exec reports it again.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "discover.h"

char LICENSE[] SEC("license") = "GPL";

#define MAX_REPORTED 8192

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} programs SEC(".maps");

/* Reported files. User space takes one out again when it could not look at it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_REPORTED);
	__type(key, struct program_key);
	__type(value, __u8);
} reported SEC(".maps");

/* Reports for which the ring had no room. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

struct found_inode {
	struct inode *inode;
};

static long vma_inode(struct task_struct *task, struct vm_area_struct *vma, struct found_inode *found)
{
	found->inode = BPF_CORE_READ(vma, vm_file, f_inode);
	return 0;
}

/*
 * The inode that the code is mapped from. On overlayfs mm->exe_file has the overlay's own inode, which
 * stays the same when the file is copied up; the mapping has the real one, of the lower or upper layer.
 * bpf_find_vma is there since 5.17; before, and where the lock is taken, exe_file must do.
 */
static __always_inline struct inode *program_inode(struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct found_inode found = {};

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_find_vma))
		bpf_find_vma(task, BPF_CORE_READ(mm, start_code), vma_inode, &found, 0);
	if (found.inode)
		return found.inode;
	return BPF_CORE_READ(mm, exe_file, f_inode);
}

static __always_inline __s64 inode_mtime(struct inode *inode)
{
	if (bpf_core_field_exists(inode->i_mtime_sec))
		return BPF_CORE_READ(inode, i_mtime_sec) * 1000000000 +
		       BPF_CORE_READ(inode, i_mtime_nsec);
	if (bpf_core_field_exists(inode->__i_mtime))
		return BPF_CORE_READ(inode, __i_mtime.tv_sec) * 1000000000 +
		       BPF_CORE_READ(inode, __i_mtime.tv_nsec);
	return BPF_CORE_READ(inode, i_mtime.tv_sec) * 1000000000 + BPF_CORE_READ(inode, i_mtime.tv_nsec);
}

/*
 * sched_process_exec(task, old_pid, bprm), since 3.4: after the new program was mapped, before its first
 * instruction; for a script it is the interpreter that was mapped. bprm->interp is its path as given.
 */
SEC("raw_tp/sched_process_exec")
int discover_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *bprm = (void *)ctx->args[2];
	struct inode *inode = program_inode(bpf_get_current_task_btf());
	struct program_record *record;
	struct program_key key = {};
	__u8 mark = 1;
	long n;

	if (!inode)
		return 0;
	key.ino = BPF_CORE_READ(inode, i_ino);
	key.size = BPF_CORE_READ(inode, i_size);
	key.mtime = inode_mtime(inode);
	key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	key.generation = BPF_CORE_READ(inode, i_generation);
	if (bpf_map_lookup_elem(&reported, &key))
		return 0;

	record = bpf_ringbuf_reserve(&programs, sizeof(*record), 0);
	if (!record) {
		__u32 zero = 0;
		__u64 *count = bpf_map_lookup_elem(&lost, &zero);

		if (count)
			__sync_fetch_and_add(count, 1);
		return 0;
	}
	record->key = key;
	record->tgid = bpf_get_current_pid_tgid() >> 32;
	n = bpf_probe_read_kernel_str(record->path, sizeof(record->path), BPF_CORE_READ(bprm, interp));
	record->path_size = n > 0 && n < PROGRAM_PATH ? n - 1 : 0;
	/* Marked before user space can see it: what it takes out again must not come back by this. */
	bpf_map_update_elem(&reported, &key, &mark, BPF_ANY);
	bpf_ringbuf_submit(record, 0);
	return 0;
}
