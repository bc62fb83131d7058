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
	if (backend->named) {
		__builtin_memcpy(record->name, backend->name, PG_NAME);
		record->known |= KNOWN_NAME;
	} else {
		record->known |= KNOWN_UNNAMED;
	}
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

	if (!backend)
		return 0;
	backend->portal = PT_REGS_PARM2(ctx);
	bpf_probe_read_user(&name, sizeof(name), (void *)(backend->portal + sizeof(__u64)));
	backend->named = name && bpf_probe_read_user_str(backend->name, PG_NAME, (void *)name) > 0;
	backend->executing = true;
	return 0;
}

#endif
