/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The backends that are known, what is kept of each between two hooks, and who is connected to it. */
#ifndef LIVE_AUDIT_POSTGRES_BACKEND_BPF_H
#define LIVE_AUDIT_POSTGRES_BACKEND_BPF_H

#include "emit.bpf.h"
#include "postgres.h"
#include <bpf/bpf_core_read.h>

#define MAX_BACKENDS 4096

struct backend {
	__u64 started;     /* of the process: a pid may be used again */
	__u64 bias;        /* where the binary is loaded, less where it was linked */
	__u64 application; /* application_name when the identity was sent: the address of its text; 0: send anew */
	/* Statements of a Query that has several; each is the Query's stmtStartTimestamp. */
	__u64 several; /* it has several */
	__u64 last;    /* its last one is next */
	__u64 part;    /* its text was sent, with a POSTGRES_PART */
	__u64 held;    /* its tag and rows are kept here: version 10, or a Query within a pipeline */
	__u64 rows;
	__u64 portal;     /* that Execute runs */
	__u64 portals;    /* HASHHDR of PortalHashTable; 0: not looked for yet */
	__u64 buckets;    /* its first segment */
	__u64 parameters; /* of the Bind that is on its way: a ParamListInfo */
	__u32 tag;
	__u32 known;
	__u32 target;
	__u32 seq;      /* of the next record */
	__u32 function; /* fastpath: oid */
	__u32 walsender;
	__u32 looked;     /* when `identities` was looked at last: stmtStartTimestamp >> LOOK_SHIFT */
	__u32 bucket;     /* where the last portal was */
	bool identified;  /* its identity was sent */
	bool in_function; /* between entry and end of a function call */
	bool dying;       /* what it was at was sent when a signal came */
	bool executing;   /* within an Execute: portal and name are its */
	__u8 name_size;   /* bytes that `name` takes in a record; 0: the prepared statement has none */
	__u8 tag_size;    /* of tag_text */
	bool nameless;    /* which prepared statement it is was not found */
	__u8 reserved;
	char name[PG_NAME];
	char tag_text[PG_NAME];
};

/* The oldest go when there is no room: those that come again are known anew. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

/*
 * What was sent of each, for a collector that comes later. A backend that is at work looks after its own now and
 * then, so that it is not the oldest: else those of thousands that came and went would push it out.
 */
#define LOOK_SHIFT 20 /* about a second, of µs */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct postgres_identity);
} identities SEC(".maps");

/* Where a hook is: the binary, the server's memory and what it says now. */
struct place {
	struct target *target;
	__u64 cookie;
	__u64 now;   /* CLOCK_BOOTTIME, ns */
	__u64 bias;
	__u64 start; /* stmtStartTimestamp; 0: not known */
	__u64 text;  /* debug_query_string */
	__u32 tgid;
	__u32 reserved;
};

/* struct StringInfoData (lib/stringinfo.h), the same from 10 to 18. */
struct string_info {
	__u64 data;
	__s32 len;
	__s32 maxlen;
	__s32 cursor;
	__s32 reserved;
};

static __always_inline __u64 number(struct target *target, enum postgres_symbol which)
{
	return target->symbol_vaddr[which];
}

/* 8 bytes of a global; 0 where this build does not have it. */
static __always_inline __u64 global(struct place *place, enum postgres_symbol which)
{
	__u64 vaddr = place->target->symbol_vaddr[which];
	__u64 value = 0;

	if (vaddr)
		bpf_probe_read_user(&value, sizeof(value), (void *)(place->bias + vaddr));
	return value;
}

static __always_inline __u64 task_started(void)
{
	return bpf_get_current_task_btf()->start_boottime;
}

static __always_inline struct backend *known_backend(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct backend *backend = bpf_map_lookup_elem(&backends, &tgid);

	if (backend && backend->started != task_started())
		return NULL;
	return backend;
}

static __always_inline void begin_place(struct place *place, __u64 cookie)
{
	place->cookie = cookie;
	place->now = bpf_ktime_get_boot_ns();
	place->tgid = bpf_get_current_pid_tgid() >> 32;
}

/* In a probe. Counts the hit. */
static __always_inline void begin_probe(struct place *place, struct pt_regs *ctx)
{
	begin_place(place, bpf_get_attach_cookie(ctx));
	place->target = probe_target_at(place->cookie, place->now);
}

/* In a tracepoint, which has no cookie. Whether the backend's binary is known still. */
static __always_inline bool begin_tracepoint(struct place *place, struct backend *backend)
{
	begin_place(place, (__u64)backend->target << 32 | PROBE_NONE);
	place->target = bpf_map_lookup_elem(&targets, &backend->target);
	return place->target != NULL;
}

static __always_inline void place_of(struct backend *backend, struct place *place)
{
	place->bias = backend->bias;
	place->start = global(place, PGS_STATEMENT_START);
	place->text = global(place, PGS_DEBUG_QUERY_STRING);
}

/* What a text of `n` bytes takes in a record, its NUL included. */
static __always_inline __u8 size_of_place(long n)
{
	return (n + PG_PLACE - 1) & -PG_PLACE;
}

static __always_inline void fill_header(struct record_header *header, struct backend *backend,
					struct place *place, __u8 type)
{
	header->type = type;
	header->probe = COOKIE_PROBE(place->cookie);
	header->flags = 0;
	header->target = backend->target;
	header->time = place->now; /* before a long text is read */
	header->tgid = place->tgid;
	header->seq = backend->seq++;
}

#endif
