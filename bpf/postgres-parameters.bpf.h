/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Bind parameters: probes of their own, attached only where the config asks for them. They sit at the last three
 * calls within exec_bind_message, which is static: tables/postgres_queries/calls.ts finds them in the code.
 */
#ifndef LIVE_AUDIT_POSTGRES_PARAMETERS_BPF_H
#define LIVE_AUDIT_POSTGRES_PARAMETERS_BPF_H

#include "postgres-identity.bpf.h"

#define MAX_BIND_BYTES (1024 * 1024)

/* void pq_getmsgend(StringInfo): the whole of the message is read, and its values made sense. */
SEC("uprobe")
int postgres_bind_message(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = backend_at(ctx, &place);
	struct string_info message = {};
	struct record_header header;
	__u32 size;

	if (!backend)
		return 0;
	if (bpf_probe_read_user(&message, sizeof(message), (void *)PT_REGS_PARM1(ctx)) != 0)
		return 0;
	size = message.len;
	if (message.len < 0 || size > MAX_BIND_BYTES)
		size = MAX_BIND_BYTES;
	fill_header(&header, backend, &place, POSTGRES_PARAMETERS);
	emit_bytes(&header, (void *)message.data, size); /* all with that seq */
	return 0;
}

/*
 * struct ParamListInfoData (nodes/params.h): pointers, int numParams, then 16 bytes for each: Datum value, bool
 * isnull, uint16 pflags, Oid ptype. In 10 four pointers, and Bitmapset *paramMask behind numParams; in 11 and 12
 * six pointers; since 13 seven.
 */
static __always_inline __u32 offset_of_count(__u64 version)
{
	if (version <= 10)
		return 32;
	return version >= 13 ? 56 : 48;
}

static __always_inline __u32 offset_of_parameters(__u64 version)
{
	return offset_of_count(version) + (version <= 10 ? 16 : 8);
}

struct bound_parameter {
	__u64 value;
	__u32 flags;
	__u32 type;
};

/* CachedPlan *GetCachedPlan(CachedPlanSource *, ParamListInfo, …): NULL where there are no parameters. */
SEC("uprobe")
int postgres_bind_types(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = backend_at(ctx, &place);

	if (backend)
		backend->parameters = PT_REGS_PARM2(ctx);
	return 0;
}

/* void PortalDefineQuery(Portal, …): the Bind succeeded, and this is the portal that it made. */
SEC("uprobe")
int postgres_bind_portal(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = backend_at(ctx, &place);
	struct postgres_types *record;
	struct scratch *slot;
	__u32 counted = 0;
	__u64 version;
	__u64 list;
	__u32 size;
	__u32 i;

	if (!backend)
		return 0;
	version = number(place.target, PGS_VERSION);
	list = backend->parameters;
	slot = claim_scratch();
	if (!slot)
		return 0;
	record = (void *)slot->bytes;
	if (list && version)
		bpf_probe_read_user(&counted, sizeof(counted), (void *)(list + offset_of_count(version)));
	list += offset_of_parameters(version);
	for (i = 0; i < PG_MAX_TYPES; i++) {
		struct bound_parameter parameter = {};

		if (i >= counted)
			break;
		bpf_probe_read_user(&parameter, sizeof(parameter), (void *)(list + i * sizeof(parameter)));
		record->oid[i] = parameter.type;
	}
	record->portal = PT_REGS_PARM1(ctx);
	record->count = i;
	record->reserved = 0;
	fill_header(&record->header, backend, &place, POSTGRES_TYPES);
	size = __builtin_offsetof(struct postgres_types, oid) + 4 * i;
	if (size > sizeof(*record)) /* for the verifier */
		size = sizeof(*record);
	if (bpf_ringbuf_output(&events, record, size, 0) != 0) {
		count(COUNTER_RECORDS_LOST);
		record_lost(record->header.target, record->header.probe);
	}
	release_scratch(slot);
	return 0;
}

#endif
