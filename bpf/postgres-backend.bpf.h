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
	__u64 application; /* application_name when the identity was sent: the address of its text */
	/* Statements of a Query that has several; each is the Query's stmtStartTimestamp. */
	__u64 several; /* it has several */
	__u64 last;    /* its last one is next */
	__u64 part;    /* its text was sent, with a POSTGRES_PART */
	__u64 held;    /* its tag and rows are kept here: version 10, or a Query within a pipeline */
	__u64 rows;
	__u64 portal;     /* that Execute runs */
	__u64 parameters; /* of the Bind that is on its way: a ParamListInfo */
	__u32 tag;
	__u32 known;
	__u32 target;
	__u32 seq;      /* of the next record */
	__u32 function; /* fastpath: oid */
	__u32 walsender;
	bool identified;  /* its identity was sent */
	bool in_function; /* between entry and end of a function call */
	bool dying;       /* what it was at was sent when a signal came */
	bool executing;   /* within an Execute: portal, named and name are its */
	bool named;       /* of a prepared statement that has a name */
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

/* What was sent of each, for a collector that comes later. */
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
	__u64 bias;
	__u64 start; /* stmtStartTimestamp; 0: not known */
	__u64 text;  /* debug_query_string */
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
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, start_boottime);
}

static __always_inline struct backend *known_backend(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct backend *backend = bpf_map_lookup_elem(&backends, &tgid);

	if (backend && backend->started != task_started())
		return NULL;
	return backend;
}

static __always_inline void place_of(struct backend *backend, struct place *place)
{
	place->bias = backend->bias;
	place->start = global(place, PGS_STATEMENT_START);
	place->text = global(place, PGS_DEBUG_QUERY_STRING);
}

static __always_inline void fill_header(struct record_header *header, struct backend *backend, __u64 cookie,
					__u8 type)
{
	header->type = type;
	header->probe = COOKIE_PROBE(cookie);
	header->flags = 0;
	header->target = backend->target;
	header->time = bpf_ktime_get_boot_ns();
	header->tgid = bpf_get_current_pid_tgid() >> 32;
	header->seq = backend->seq++;
}

/*
 * struct Port (libpq/libpq-be.h). It begins with sock, noblock, proto and two SockAddr, a sockaddr_storage of
 * 128 bytes and a length each: laddr at 16, raddr at 152. `database_name` and `user_name` follow each other:
 * at 328 from 10 to 16, at 320 in 17 (canAcceptConnections went), at 384 in 18 (local_host came).
 */
#define PORT_RADDR 152
#define AF_INET 2
#define AF_INET6 10

static __always_inline __u32 port_database(__u64 version)
{
	if (version >= 10 && version <= 16)
		return 328;
	if (version == 17)
		return 320;
	return version == 18 ? 384 : 0;
}

/* sockaddr_in and sockaddr_in6 */
struct peer {
	__u16 family;
	__u16 port;
	__u8 address4[4];
	__u8 address6[16];
};

static __always_inline void fill_port(struct postgres_identity *record, __u64 port, __u64 version)
{
	__u32 offset = port_database(version);
	__u64 names[2] = {}; /* database, user */
	struct peer peer = {};

	if (!offset)
		return;
	if (bpf_probe_read_user(names, sizeof(names), (void *)(port + offset)) != 0)
		return;
	if (bpf_probe_read_user(&peer, sizeof(peer), (void *)(port + PORT_RADDR)) != 0)
		return;
	if (bpf_probe_read_user_str(record->database, PG_NAME, (void *)names[0]) < 0)
		return;
	if (bpf_probe_read_user_str(record->user, PG_NAME, (void *)names[1]) < 0)
		return;
	record->family = peer.family;
	record->port = peer.port;
	if (peer.family == AF_INET6)
		__builtin_memcpy(record->address, peer.address6, 16);
	else
		__builtin_memcpy(record->address, peer.address4, 4);
	record->known |= IDENTITY_PORT;
}

/* Who is connected: once for each connection, and when application_name is another one. */
static __noinline int emit_identity(struct backend *backend, struct place *place)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct postgres_identity *record;
	struct scratch *slot;

	if (!backend || !place || !place->target)
		return 0;
	slot = claim_scratch();
	if (!slot)
		return 0; /* the next statement tries again */
	record = (void *)slot->bytes;
	__builtin_memset(record, 0, sizeof(*record));
	fill_header(&record->header, backend, place->cookie, POSTGRES_IDENTITY);
	record->started = backend->started;
	record->cgroup_id = bpf_get_current_cgroup_id();
	record->parent = BPF_CORE_READ(task, real_parent, tgid);
	record->uid = BPF_CORE_READ(task, cred, uid.val);
	fill_port(record, global(place, PGS_MY_PROC_PORT), number(place->target, PGS_VERSION));
	if (backend->application &&
	    bpf_probe_read_user_str(record->application, PG_NAME, (void *)backend->application) > 0)
		record->known |= IDENTITY_APPLICATION;
	bpf_probe_read_user_str(record->title, PG_TITLE, (void *)BPF_CORE_READ(task, mm, arg_start));
	bpf_map_update_elem(&identities, &tgid, record, BPF_ANY);
	if (bpf_ringbuf_output(&events, record, sizeof(*record), 0) == 0) {
		backend->identified = true;
	} else {
		backend->identified = false;
		count(COUNTER_RECORDS_LOST);
		record_lost(record->header.target, record->header.probe);
	}
	release_scratch(slot);
	return 0;
}

static __always_inline struct backend *new_backend(struct place *place, __u32 tgid)
{
	struct backend fresh = {};
	__u64 walsender = global(place, PGS_AM_WALSENDER);

	if (!global(place, PGS_MY_PROC_PORT))
		return NULL; /* no client */
	fresh.started = task_started();
	fresh.bias = place->bias;
	fresh.target = COOKIE_TARGET(place->cookie);
	fresh.walsender = (walsender & 0xff) != 0;
	bpf_map_update_elem(&backends, &tgid, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&backends, &tgid);
}

/* The backend that a hook runs in, or NULL where it has no client. Counts the hit. */
static __always_inline struct backend *backend_at(struct pt_regs *ctx, struct place *place)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct backend *backend;

	place->cookie = bpf_get_attach_cookie(ctx);
	place->target = probe_target(place->cookie);
	if (!place->target || COOKIE_PROBE(place->cookie) >= TARGET_PROBES)
		return NULL;
	place->bias = PT_REGS_IP(ctx) - place->target->probe_vaddr[COOKIE_PROBE(place->cookie)];
	backend = bpf_map_lookup_elem(&backends, &tgid);
	if (!backend || backend->started != task_started())
		backend = new_backend(place, tgid);
	return backend;
}

/* The same, with what it is at. Sends who is connected where that is not known yet. */
static __always_inline struct backend *enter(struct pt_regs *ctx, struct place *place)
{
	struct backend *backend = backend_at(ctx, place);
	__u64 application;

	if (!backend)
		return NULL;
	place->start = global(place, PGS_STATEMENT_START);
	place->text = global(place, PGS_DEBUG_QUERY_STRING);
	application = global(place, PGS_APPLICATION_NAME);
	if (!backend->identified || application != backend->application) {
		backend->application = application;
		emit_identity(backend, place);
	}
	return backend;
}

/* Palloc'd memory (utils/mmgr/aset.c, utils/memutils_memorychunk.h). */
#define FIRST_WITH_SHORT_HEADERS 16 /* before, the header ends with the context */
#define BLOCK_HEADER 40             /* struct AllocBlockData */
#define MESSAGE_BYTES 1024          /* initStringInfo */
#define MESSAGE_FREELIST 7          /* 8 << 7 is 1024 */

/*
 * Whether a text begins where the client's message does, as that of a Query does and no other: that of Parse
 * has a name before it, and what is bound or executed was copied from there (that of a COMMIT into a chunk of
 * the same context, but of its own length).
 */
static __noinline int protocol_of_text(struct place *place)
{
	__u64 version, context, text, header = 0, block, owner = 0;

	if (!place || !place->target)
		return PROTOCOL_UNKNOWN;
	version = number(place->target, PGS_VERSION);
	context = global(place, PGS_MESSAGE_CONTEXT);
	text = place->text;
	if (!version || !context)
		return PROTOCOL_UNKNOWN;
	if (text % 8)
		return PROTOCOL_EXTENDED;
	bpf_probe_read_user(&header, sizeof(header), (void *)(text - 8));
	if (version < FIRST_WITH_SHORT_HEADERS) {
		__u64 size = 0;

		bpf_probe_read_user(&size, sizeof(size), (void *)(text - 16));
		return header == context && size >= MESSAGE_BYTES ? PROTOCOL_SIMPLE : PROTOCOL_EXTENDED;
	}
	/* bits: method 3 (4 from 17 on), external 1, free list 30, offset in the block 30 */
	if (header >> (version == FIRST_WITH_SHORT_HEADERS ? 3 : 4) & 1) {
		block = text - 8 - BLOCK_HEADER;
	} else {
		block = text - 8 - (header >> 34 & 0x3ffffffe);
		if ((header >> (version == FIRST_WITH_SHORT_HEADERS ? 4 : 5) & 0x3f) < MESSAGE_FREELIST)
			return PROTOCOL_EXTENDED;
	}
	bpf_probe_read_user(&owner, sizeof(owner), (void *)block);
	return owner == context ? PROTOCOL_SIMPLE : PROTOCOL_EXTENDED;
}

/*
 * Whether a replication connection is at a replication command and not at SQL: START_REPLICATION and its like
 * (replication/repl_gram.y) have an underscore in their first word, SQL's never do.
 */
#define FIRST_WORD 12

static __always_inline bool replicates(struct backend *backend, struct place *place)
{
	char word[FIRST_WORD] = {};
	int i;

	if (!backend->walsender)
		return false;
	if (bpf_probe_read_user_str(word, sizeof(word), (void *)place->text) <= 0)
		return false;
	for (i = 0; i < FIRST_WORD; i++) {
		char letter = word[i] | 0x20;

		if (word[i] == '_')
			return true;
		if (letter < 'a' || letter > 'z')
			return false;
	}
	return false;
}

#endif
