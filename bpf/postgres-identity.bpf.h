/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Who is connected to a backend, and how a hook gets to know the backend that it runs in. */
#ifndef LIVE_AUDIT_POSTGRES_IDENTITY_BPF_H
#define LIVE_AUDIT_POSTGRES_IDENTITY_BPF_H

#include "postgres-backend.bpf.h"

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
	struct postgres_identity *record;
	struct scratch *slot;

	if (!backend || !place || !place->target)
		return 0;
	slot = claim_scratch();
	if (!slot)
		return 0; /* the next statement tries again */
	record = (void *)slot->bytes;
	__builtin_memset(record, 0, sizeof(*record));
	fill_header(&record->header, backend, place, POSTGRES_IDENTITY);
	record->started = backend->started;
	record->cgroup_id = bpf_get_current_cgroup_id();
	record->parent = BPF_CORE_READ(task, real_parent, tgid);
	record->uid = BPF_CORE_READ(task, cred, uid.val);
	fill_port(record, global(place, PGS_MY_PROC_PORT), number(place->target, PGS_VERSION));
	if (backend->application &&
	    bpf_probe_read_user_str(record->application, PG_NAME, (void *)backend->application) > 0)
		record->known |= IDENTITY_APPLICATION;
	bpf_probe_read_user_str(record->title, PG_TITLE, (void *)BPF_CORE_READ(task, mm, arg_start));
	bpf_map_update_elem(&identities, &record->header.tgid, record, BPF_ANY);
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

static __always_inline struct backend *new_backend(struct place *place)
{
	struct backend fresh = {};
	__u64 walsender = global(place, PGS_AM_WALSENDER);

	if (!global(place, PGS_MY_PROC_PORT))
		return NULL; /* no client */
	fresh.started = task_started();
	fresh.bias = place->bias;
	fresh.target = COOKIE_TARGET(place->cookie);
	fresh.walsender = (walsender & 0xff) != 0;
	bpf_map_update_elem(&backends, &place->tgid, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&backends, &place->tgid);
}

/* The backend that a hook runs in, or NULL where it has no client. Counts the hit. */
static __always_inline struct backend *backend_at(struct pt_regs *ctx, struct place *place)
{
	struct backend *backend;

	begin_probe(place, ctx);
	if (!place->target || COOKIE_PROBE(place->cookie) >= TARGET_PROBES)
		return NULL;
	place->bias = PT_REGS_IP(ctx) - place->target->probe_vaddr[COOKIE_PROBE(place->cookie)];
	backend = bpf_map_lookup_elem(&backends, &place->tgid);
	if (!backend || backend->started != task_started())
		backend = new_backend(place);
	return backend;
}

/* Whether a later collector would not know it; looked at once a second at most. */
static __always_inline bool is_forgotten(struct backend *backend, struct place *place)
{
	__u32 now = (__u32)(place->start >> LOOK_SHIFT);

	if (now == backend->looked)
		return false;
	backend->looked = now;
	return !bpf_map_lookup_elem(&identities, &place->tgid);
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
	if (!backend->identified || application != backend->application || is_forgotten(backend, place)) {
		backend->application = application;
		emit_identity(backend, place);
	}
	return backend;
}

#endif
