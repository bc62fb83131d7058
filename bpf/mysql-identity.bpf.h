/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Who a connection is: read out of its THD, where the build's own code tells the offsets. */
#ifndef LIVE_AUDIT_MYSQL_IDENTITY_BPF_H
#define LIVE_AUDIT_MYSQL_IDENTITY_BPF_H

#include "mysql-remembered.bpf.h"

_Static_assert(sizeof(struct mysql_identity) <= SCRATCH_SIZE, "scratch");
_Static_assert(sizeof(struct mysql_identity) <= sizeof(struct mysql_statement), "remembered");
_Static_assert(sizeof(struct mysql_statement) <= SCRATCH_SIZE, "remembered");

/* The security context of a THD; 0: not known. */
static __always_inline __u64 context_of(struct target *target, __u64 thd)
{
	__s64 offset = offset_of(target, MYSQL_THD_CONTEXT);

	if (offset < 0)
		return 0;
	if (offset & CONTEXT_IS_POINTER)
		return read_u64(thd + (__u32)offset);
	return thd + offset;
}

static __always_inline __u64 context_member(struct target *target, __u64 context, enum mysql_symbol member)
{
	__s64 offset = offset_of(target, member);

	return context && offset >= 0 ? read_u64(context + offset) : 0;
}

/* The THD's current database: pointer and length. */
static __always_inline void database_of(struct target *target, __u64 thd, __u64 *db, __u64 *size)
{
	__s64 offset = offset_of(target, MYSQL_THD_DB);
	__u64 pair[2] = {};

	if (offset >= 0)
		bpf_probe_read_user(pair, sizeof(pair), (void *)(thd + offset));
	*db = pair[0];
	*size = pair[0] ? pair[1] : 0;
}

static __always_inline void fill_identity(struct mysql_identity *record, struct target *target, __u64 bias,
					  struct session *session, __u64 context)
{
	__u64 host = context_member(target, context, MYSQL_CONTEXT_HOST);
	__u64 ip = context_member(target, context, MYSQL_CONTEXT_IP);
	__u64 version = target->symbol_vaddr[MYSQL_SERVER_VERSION];

	record->has_user = session->user &&
			   bpf_probe_read_user_str(record->user, MYSQL_USER, (void *)session->user) > 0;
	/* a name, or where names are not looked up, the address */
	record->has_host = host && bpf_probe_read_user_str(record->host, MYSQL_HOST, (void *)host) > 1;
	if (!record->has_host)
		record->has_host = ip && bpf_probe_read_user_str(record->host, MYSQL_HOST, (void *)ip) > 0;
	record->has_db = 0;
	if (offset_of(target, MYSQL_THD_DB) >= 0) {
		if (!session->db)
			record->has_db = 2;
		else
			record->has_db = bpf_probe_read_user_str(record->db, MYSQL_DB, (void *)session->db) > 0;
	}
	record->has_version = version && bpf_probe_read_user_str(record->version, MYSQL_VERSION,
								   (void *)(bias + version)) > 0;
}

static __always_inline __u32 generation(void)
{
	struct mysql_settings *config = settings();

	return config ? config->generation : 0;
}

/* Tell who the connection is now. */
__noinline int emit_identity(struct target *target, struct session *session,
				    struct record_header *header, __u64 thd, __u64 bias)
{
	struct scratch *slot = claim_scratch();
	struct mysql_identity *record;
	bool is_new;

	if (!slot)
		return -1;
	if (!target || !session || !header) {
		release_scratch(slot);
		return -1;
	}
	is_new = !session->identity || session->stale;
	record = (void *)slot->bytes;
	record->header = *header;
	record->header.type = MYSQL_IDENTITY;
	record->header.flags = 0;
	record->header.seq = 0;
	record->header.time = bpf_ktime_get_boot_ns();
	record->thd = thd;
	/* told to a new collector only: it is the one that statements named before */
	record->identity = is_new ? record->header.time : session->identity;
	record->server = session->server;
	record->connection_id = session->connection_id;
	fill_identity(record, target, bias, session, context_of(target, thd));
	if (is_new)
		session->told++;
	remember_identity(record, session->told);
	if (emit(record, sizeof(*record), COUNTER_RECORDS_LOST) == 0) {
		session->identity = record->identity;
		session->generation = generation();
		session->stale = false;
	} else {
		session->identity = 0; /* tried again at the next statement */
	}
	release_scratch(slot);
	return 0;
}

/* Tell who the connection is if that has changed since it was told. */
static __always_inline void identify(struct target *target, struct session *session,
				     struct record_header *header, __u64 thd, __u64 bias)
{
	__u64 user = context_member(target, context_of(target, thd), MYSQL_CONTEXT_USER);
	__u64 db, db_size;

	database_of(target, thd, &db, &db_size);
	if (session->user != user || session->db != db || session->db_size != db_size)
		session->stale = true;
	if (session->identity && !session->stale && session->generation == generation())
		return;
	session->user = user;
	session->db = db;
	session->db_size = db_size;
	emit_identity(target, session, header, thd, bias);
}

#endif
