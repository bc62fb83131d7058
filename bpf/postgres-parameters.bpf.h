/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Bind parameters: probes of their own, attached only where the config asks for them. */
#ifndef LIVE_AUDIT_POSTGRES_PARAMETERS_BPF_H
#define LIVE_AUDIT_POSTGRES_PARAMETERS_BPF_H

#include "postgres-backend.bpf.h"
#include "postgres-names.bpf.h"

#define MAX_BIND_BYTES (1024 * 1024)

/*
 * const char *pq_getmsgbytes(StringInfo, int): exec_bind_message calls it for each value that is not NULL,
 * first with the client's message; receive functions call it later with buffers of their own.
 */
SEC("uprobe")
int postgres_getmsgbytes(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);
	struct string_info message = {};
	struct record_header header;
	__u32 size;

	if (!backend || !place.text || backend->in_function || backend->bound == place.start)
		return 0;
	if (bpf_probe_read_user(&message, sizeof(message), (void *)PT_REGS_PARM1(ctx)) != 0)
		return 0;
	size = message.len;
	if (message.len < 0 || size > MAX_BIND_BYTES)
		size = MAX_BIND_BYTES;
	backend->bound = place.start;
	fill_header(&header, backend, place.cookie, POSTGRES_PARAMETERS);
	emit_bytes(&header, (void *)message.data, size);
	backend->seq = header.seq;
	return 0;
}

/*
 * struct ParamListInfoData (nodes/params.h): six pointers, since 13 char *paramValuesStr, int numParams, then
 * from a multiple of 8 on 16 bytes for each: Datum value, bool isnull, uint16 pflags, Oid ptype.
 */
static __always_inline __u32 offset_of_count(__u64 version)
{
	return version >= 13 ? 56 : 48;
}

struct bound_parameter {
	__u64 value;
	__u32 flags;
	__u32 type;
};

/*
 * CachedPlan *GetCachedPlan(CachedPlanSource *, ParamListInfo, …): exec_bind_message calls it for the
 * statement that it binds; functions that run within a statement for plans of other texts.
 */
SEC("uprobe")
int postgres_get_cached_plan(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);
	struct postgres_types *record;
	__u64 list = PT_REGS_PARM2(ctx);
	struct scratch *slot;
	__u32 counted = 0;
	__u32 size;
	__u32 i;

	if (!backend || !place.text || text_of_plan(&place, PT_REGS_PARM1(ctx)) != place.text)
		return 0;
	slot = claim_scratch();
	if (!slot)
		return 0;
	record = (void *)slot->bytes;
	if (list) {
		list += offset_of_count(number(place.target, PGS_VERSION));
		bpf_probe_read_user(&counted, sizeof(counted), (void *)list);
	}
	record->count = counted;
	record->address = place.text;
	record->has_message = backend->bound == place.start;
	for (i = 0; i < PG_MAX_TYPES; i++) {
		struct bound_parameter parameter = {};

		if (i >= counted)
			break;
		bpf_probe_read_user(&parameter, sizeof(parameter), (void *)(list + 8 + i * sizeof(parameter)));
		record->oid[i] = parameter.type;
	}
	fill_header(&record->header, backend, place.cookie, POSTGRES_TYPES);
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
