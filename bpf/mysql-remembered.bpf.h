/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Records that a collector must know of connections that it did not see begin: who they are, and what they prepared. */
#ifndef LIVE_AUDIT_MYSQL_REMEMBERED_BPF_H
#define LIVE_AUDIT_MYSQL_REMEMBERED_BPF_H

#include "mysql-window.bpf.h"

/*
 * At most so many, 1.2 KB each, in memory that is taken as they come: a machine without such a server gives none.
 * What comes when it is full is not remembered. A connection at the THD of an earlier one takes its entries over,
 * so they are no more than there ever were at a time; those of servers that are gone the collector takes out.
 */
#define MAX_REMEMBERED 65536

/*
 * Statements that ran while there was no collector name an identity of before, so more than the last one of a
 * connection is kept.
 */
#define IDENTITY_SLOTS 4
#define FIRST_IDENTITY 0xfffffff0 /* no statement's id comes that far */

struct remembered_key {
	__u64 thd;
	__u32 tgid;
	__u32 which; /* id of a prepared statement, or FIRST_IDENTITY and up */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_REMEMBERED);
	__type(key, struct remembered_key);
	__type(value, struct mysql_statement);
} remembered SEC(".maps");

static __always_inline void remember_identity(struct mysql_identity *record, __u32 told)
{
	struct remembered_key key = {
		.thd = record->thd, .tgid = record->header.tgid, .which = FIRST_IDENTITY + told % IDENTITY_SLOTS,
	};

	bpf_map_update_elem(&remembered, &key, record, BPF_ANY);
}

static __always_inline void forget_identities(struct session_key *of)
{
	struct remembered_key key = { .thd = of->thd, .tgid = of->tgid };
	__u32 slot;

	for (slot = 0; slot < IDENTITY_SLOTS; slot++) {
		key.which = FIRST_IDENTITY + slot;
		bpf_map_delete_elem(&remembered, &key);
	}
}

/* A COM_STMT_PREPARE is over: what had the id before, of another connection at this THD, is forgotten in any case. */
static __always_inline void remember_prepared(struct mysql_statement *record)
{
	struct remembered_key key = {
		.thd = record->thd, .tgid = record->header.tgid, .which = record->statement_id,
	};

	if (!(record->known & KNOWN_STATEMENT_ID) || record->error_code != 0)
		return;
	if (record->text_size > 0)
		bpf_map_update_elem(&remembered, &key, record, BPF_ANY);
	else
		bpf_map_delete_elem(&remembered, &key); /* too long for a record */
}

/* A COM_STMT_CLOSE is over: its packet is the statement's id. */
static __always_inline void forget_prepared(struct mysql_statement *record)
{
	struct remembered_key key = { .thd = record->thd, .tgid = record->header.tgid };

	if (record->text_size != sizeof(key.which))
		return;
	__builtin_memcpy(&key.which, record->text, sizeof(key.which));
	bpf_map_delete_elem(&remembered, &key);
}

#endif
