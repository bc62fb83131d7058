/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What a prepared statement is executed with: only where the config asks for it. */
#ifndef LIVE_AUDIT_MYSQL_VALUES_BPF_H
#define LIVE_AUDIT_MYSQL_VALUES_BPF_H

#include "mysql-window.bpf.h"

/* Packets that go before the record of this header, in chunks. Not static: verified once. @return their number */
__noinline int take_part(struct record_header *of, __u64 from, __u32 size)
{
	struct record_header header;

	if (!of)
		return 0;
	header = *of;
	header.type = MYSQL_PACKET;
	header.seq = next_number();
	emit_bytes(&header, (const char *)from, size);
	return header.seq;
}

/* The values of an execution: the packet as a whole goes before the statement's record. */
static __always_inline void take_values(struct pt_regs *ctx, __u64 from, __u32 size)
{
	struct window *window = current_window();
	struct record_header header;

	if (!window || !window->active || window->record.header.seq)
		return;
	header = window->record.header;
	header.type = MYSQL_PACKET;
	header.probe = COOKIE_PROBE(bpf_get_attach_cookie(ctx));
	header.time = bpf_ktime_get_boot_ns();
	header.seq = next_number();
	window->record.header.seq = header.seq;
	emit_bytes(&header, (const char *)from, size);
}

/* A piece of a parameter, sent ahead of the execution; `piece` says what it is of where the packet does not. */
static __always_inline void take_long_data(struct pt_regs *ctx, struct mysql_long_data *piece, __u64 from,
					   __u32 size)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct mysql_long_data record = *piece;

	record.header.type = MYSQL_LONG_DATA;
	record.header.probe = COOKIE_PROBE(cookie);
	record.header.target = COOKIE_TARGET(cookie);
	record.header.time = bpf_ktime_get_boot_ns();
	record.header.tgid = current_tgid();
	record.header.seq = next_number();
	if (emit(&record, sizeof(record), COUNTER_RECORDS_LOST) != 0)
		return;
	record.header.type = MYSQL_PACKET;
	emit_bytes(&record.header, (const char *)from, size);
}

/* The most parameters of MySQL 8 whose values are taken. */
#define MAX_PARSED_VALUES 256

/* Where the bytes of the values lie: in the client's packet, one behind the other. */
struct span {
	__u64 begin;
	__u64 end;
};

/* Not static: the verifier looks at such a function once, and not at each turn of the loop. */
__noinline int widen(struct span *span, __u64 at)
{
	struct ps_param param;

	if (!span || bpf_probe_read_user(&param, sizeof(param), (void *)at) != 0)
		return -1;
	if (param.null_bit || !param.value)
		return 0;
	if (param.value < span->begin)
		span->begin = param.value;
	if (param.value + param.length > span->end)
		span->end = param.value + param.length;
	return 0;
}

#define MAX_VALUES_BYTES (1U << 30) /* max_allowed_packet is at most that */

static __always_inline struct span span_of(__u64 array, __u32 count)
{
	struct span span = { .begin = ~0ULL };
	__u32 i;

	for (i = 0; i < MAX_PARSED_VALUES; i++) {
		if (i >= count)
			break;
		widen(&span, array + i * sizeof(struct ps_param));
	}
	if (span.end < span.begin || span.end - span.begin > MAX_VALUES_BYTES)
		span.end = span.begin; /* it lies */
	return span;
}

/*
 * The values of an execution in COM_DATA (com_data.h): MySQL 5.7 has the packet's from the NULL bitmap on, 8.0
 * and later an array that the server has parsed it into.
 */
static __always_inline void take_data_values(struct target *target, struct mysql_statement *record, __u64 data)
{
	struct mysql_settings *config = settings();
	struct {
		__u64 statement;
		__u64 flags;
		__u64 values;
		__u64 size; /* bytes; parameters in 8.0 */
	} execute = {};
	__u64 values = target->symbol_vaddr[MYSQL_DATA_VALUES];
	struct span span;

	if (!config || !config->parameters || values == DATA_VALUES_UNKNOWN)
		return;
	bpf_probe_read_user(&execute, sizeof(execute), (void *)data);
	if (values == DATA_VALUES_BARE) {
		record->known |= KNOWN_BARE_VALUES;
		if (execute.size > 0)
			record->header.seq = take_part(&record->header, execute.values, execute.size);
		return;
	}
	if (execute.size > MAX_PARSED_VALUES)
		return;
	record->known |= KNOWN_PARSED_VALUES;
	span = span_of(execute.values, execute.size);
	if (span.end > span.begin)
		record->part_from = take_part(&record->header, span.begin, span.end - span.begin);
	if (execute.size > 0)
		record->header.seq = take_part(&record->header, execute.values,
					       execute.size * sizeof(struct ps_param));
}

/* COM_STMT_SEND_LONG_DATA in COM_DATA. */
static __always_inline void take_data_piece(struct pt_regs *ctx, __u64 thd, __u64 data)
{
	struct mysql_settings *config = settings();
	struct mysql_long_data piece = { .thd = thd, .is_bare = 1 };
	struct {
		__u64 statement;
		__u32 parameter;
		__u32 padding;
		__u64 piece;
		__u64 size;
	} long_data = {};

	if (!config || !config->parameters ||
	    bpf_probe_read_user(&long_data, sizeof(long_data), (void *)data) != 0)
		return;
	piece.statement_id = long_data.statement;
	piece.parameter = long_data.parameter;
	take_long_data(ctx, &piece, long_data.piece, long_data.size);
}

#endif
