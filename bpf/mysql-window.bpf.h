/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What is known of each thread's command and of each connection, between the hooks of mysql.bpf.c. */
#ifndef LIVE_AUDIT_MYSQL_WINDOW_BPF_H
#define LIVE_AUDIT_MYSQL_WINDOW_BPF_H

#include <bpf/bpf_core_read.h>

#define BPF_F_NO_PREALLOC 1 /* enum bpf_map_create flags, linux/bpf.h */
#define MAX_THREADS 65536
#define MAX_SESSIONS 32768
#define MAX_SUSPENDED MAX_SESSIONS /* one that found no room would be two rows */

/* A command from the entry of dispatch_command to its return; kept for the thread's life. */
struct window {
	__u64 server; /* when the server process began: its pid may be used again */
	__u64 bias;   /* where the binary is loaded, less where it was linked */
	__u64 first;  /* where the text of the packet's first statement lies; 0: not parsed yet */
	bool active;
	struct mysql_statement record;
};

/* Not allocated beforehand: most machines have a few hundred threads of servers, some have 10,000. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_THREADS);
	__type(key, __u64); /* bpf_get_current_pid_tgid() */
	__type(value, struct window);
} windows SEC(".maps");

/* Where a new window comes from: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct window);
} empty_window SEC(".maps");

struct session_key {
	__u64 thd;
	__u32 tgid;
	__u32 reserved;
};

/* A connection. One that was pushed out is identified anew. */
struct session {
	__u64 server;
	__u64 connection_id;
	__u64 identity; /* of the last mysql_identity; 0: none */
	__u64 user;     /* pointers and length as they were then */
	__u64 db;
	__u64 db_size;
	__u32 generation; /* which collector it was told */
	__u32 told;       /* identities so far */
	bool stale;     /* something may have been written over in place since */
	bool suspended; /* its command is in `suspended` */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_SESSIONS);
	__type(key, struct session_key);
	__type(value, struct session);
} sessions SEC(".maps");

/* Commands that returned DISPATCH_WOULDBLOCK and will go on. */
#define DISPATCH_WOULDBLOCK 2
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_SUSPENDED);
	__type(key, struct session_key);
	__type(value, struct window);
} suspended SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mysql_settings);
} mysql_settings SEC(".maps");

static __always_inline struct mysql_settings *settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&mysql_settings, &zero);
}

/* The number that long packets of one statement and its record have in common. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

static __always_inline __u32 next_number(void)
{
	__u32 zero = 0;
	__u64 *last = bpf_map_lookup_elem(&numbers, &zero);
	__u32 number = last ? (__u32)(__sync_fetch_and_add(last, 1) + 1) : 0;

	return number ? number : 1;
}

static __always_inline __u32 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline struct session_key session_key(__u64 thd)
{
	struct session_key key = { .thd = thd, .tgid = current_tgid() };

	return key;
}

static __always_inline struct window *current_window(void)
{
	__u64 id = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&windows, &id);
}

/* When the current process began, CLOCK_BOOTTIME ns. The member's name has changed in 5.5. */
struct task_struct___leader {
	struct task_struct___leader *group_leader;
	__u64 start_boottime;
} __attribute__((preserve_access_index));

struct task_struct___before_5_5 {
	__u64 real_start_time;
} __attribute__((preserve_access_index));

static __always_inline __u64 process_start(void)
{
	struct task_struct___leader *task = (void *)bpf_get_current_task();
	struct task_struct___leader *leader = BPF_CORE_READ(task, group_leader);

	if (bpf_core_field_exists(leader->start_boottime))
		return BPF_CORE_READ(leader, start_boottime);
	return BPF_CORE_READ((struct task_struct___before_5_5 *)leader, real_start_time);
}

static __always_inline struct window *current_window_or_new(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct window *window = bpf_map_lookup_elem(&windows, &id);
	struct window *empty;
	__u32 zero = 0;

	if (window)
		return window;
	empty = bpf_map_lookup_elem(&empty_window, &zero);
	if (!empty)
		return NULL;
	bpf_map_update_elem(&windows, &id, empty, BPF_NOEXIST);
	window = bpf_map_lookup_elem(&windows, &id);
	if (window)
		window->server = process_start();
	return window;
}

static __always_inline struct session *session_or_new(struct session_key *key, __u64 server, __u64 connection_id)
{
	struct session *session = bpf_map_lookup_elem(&sessions, key);
	struct session fresh = { .server = server, .connection_id = connection_id };

	if (session && session->server == server && session->connection_id == connection_id)
		return session;
	/* a new connection, also where it has the place in memory of one that is gone */
	bpf_map_update_elem(&sessions, key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&sessions, key);
}

/* An offset in the server's structures, or -1 where this build does not tell. */
static __always_inline __s64 offset_of(struct target *target, enum mysql_symbol symbol)
{
	return (__s64)target->symbol_vaddr[symbol] - 1;
}

static __always_inline __u64 read_u64(__u64 at)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)at);
	return value;
}

#endif
