/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What an Execute runs: a portal, and the prepared statement that it was made of. */
#ifndef LIVE_AUDIT_POSTGRES_PORTAL_BPF_H
#define LIVE_AUDIT_POSTGRES_PORTAL_BPF_H

#include "postgres-identity.bpf.h"
#include "postgres-protocol.bpf.h"

static __always_inline void add_portal(struct postgres_statement *record, struct backend *backend)
{
	if (!backend->executing)
		return;
	record->portal = backend->portal;
	if (backend->name_size) {
		__u32 at = record->tag_size;

		if (at > PG_NAME) /* for the verifier */
			at = PG_NAME;
		__builtin_memcpy(record->bytes + at, backend->name, PG_NAME);
		record->name_size = backend->name_size;
		record->known |= KNOWN_NAME;
	} else {
		record->known |= KNOWN_UNNAMED;
	}
}

/* What a text of `n` bytes takes in a record, its NUL included. */
static __always_inline __u8 size_of_place(long n)
{
	return (n + PG_PLACE - 1) & -PG_PLACE;
}

/* Of a statement that did not come to its end. */
static __always_inline __u8 protocol_of(struct backend *backend, struct place *place)
{
	return backend->executing ? PROTOCOL_EXTENDED : protocol_of_text(place);
}

/*
 * void SetRemoteDestReceiverParams(DestReceiver *, Portal), at its one call in exec_execute_message, which is
 * static: tables/postgres_queries/calls.ts finds it in the code. Before the portal runs, for at the end of a
 * COMMIT it is gone. PortalData (utils/portal.h) begins with its name and that of the prepared statement, NULL
 * for the unnamed one; the same from 10 to 18.
 */
SEC("uprobe")
int postgres_execute(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = backend_at(ctx, &place);
	__u64 name = 0;
	long n;

	if (!backend)
		return 0;
	backend->portal = PT_REGS_PARM2(ctx);
	bpf_probe_read_user(&name, sizeof(name), (void *)(backend->portal + sizeof(__u64)));
	n = name ? bpf_probe_read_user_str(backend->name, PG_NAME, (void *)name) : 0;
	backend->name_size = n > 0 ? size_of_place(n) : 0;
	backend->executing = true;
	return 0;
}

#endif
