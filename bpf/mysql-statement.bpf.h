/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One statement of a command: where it ends, what the client was told, and its record. */
#ifndef LIVE_AUDIT_MYSQL_STATEMENT_BPF_H
#define LIVE_AUDIT_MYSQL_STATEMENT_BPF_H

#include "mysql-window.bpf.h"

/* Hand a statement over, with its rows and its end. */
static __always_inline void emit_statement(struct target *target, struct mysql_statement *record)
{
	__s64 rows = target ? offset_of(target, MYSQL_THD_ROWS) : -1;
	__u32 size = record->text_size;

	record->header.time = bpf_ktime_get_boot_ns();
	if (rows >= 0 && (record->command == COM_QUERY || record->command == COM_STMT_EXECUTE ||
			  record->command == COM_STMT_BULK_EXECUTE) &&
	    bpf_probe_read_user(&record->rows_sent, sizeof(__u64), (void *)(record->thd + rows)) == 0)
		record->known |= KNOWN_ROWS_SENT;
	if (size > MYSQL_TEXT) /* for the verifier */
		size = MYSQL_TEXT;
	count(COUNTER_SEEN);
	emit(record, __builtin_offsetof(struct mysql_statement, text) + size, COUNTER_LOST_RESERVE);
}

/* A statement of a packet begins: the one before it, if any, is over. */
static __always_inline void next_statement(struct target *target, struct window *window, __u64 text)
{
	struct mysql_statement *record = &window->record;
	__u64 offset = text - window->first;

	if (record->command != COM_QUERY)
		return;
	if (window->first == 0) {
		window->first = text;
		return;
	}
	if (offset == 0 || offset > record->packet_size)
		return;
	record->part_to = offset;
	record->more = 1;
	record->known |= KNOWN_RETURN_CODE; /* it has none of its own: the server went on */
	record->return_code = 0;
	emit_statement(target, record);
	record->part_from = offset;
	record->part_to = 0;
	record->started = record->header.time;
	record->error_code = 0;
	record->known &= ~(KNOWN_ROWS_SENT | KNOWN_ROWS_AFFECTED | KNOWN_RETURN_CODE);
}

/*
 * A statement of several that fails is the last. Where it ends the server knows, once it has parsed it: it has cut
 * THD's text there. The text of one that it could not parse goes on to the packet's end.
 */
static __always_inline void end_at_own_text(struct window *window)
{
	struct mysql_statement *record = &window->record;
	__u32 id = record->header.target;
	struct target *target = bpf_map_lookup_elem(&targets, &id);
	__s64 offset = target ? offset_of(target, MYSQL_THD_QUERY) : -1;
	__u64 text[2] = {};
	__u64 end;

	if (offset < 0 || !window->first || record->command != COM_QUERY ||
	    bpf_probe_read_user(text, sizeof(text), (void *)(record->thd + offset)) != 0)
		return;
	end = text[0] + text[1] - window->first;
	if (text[0] - window->first == record->part_from && text[1] > 0 && end < record->packet_size)
		record->part_to = end;
}

/* An error packet goes to the client. */
static __always_inline void sent_error(struct pt_regs *ctx, __u32 code, __u64 message, __u64 sqlstate)
{
	struct scratch *slot;
	struct mysql_error *record;
	struct window *window;

	probe_target(bpf_get_attach_cookie(ctx));
	window = current_window();
	if (!window || !window->active)
		return;
	window->record.error_code = code;
	end_at_own_text(window);
	window->record.known &= ~KNOWN_ROWS_AFFECTED;
	slot = claim_scratch();
	if (!slot) {
		count(COUNTER_RECORDS_LOST);
		return;
	}
	record = (void *)slot->bytes;
	record->header = window->record.header;
	record->header.type = MYSQL_ERROR;
	record->header.probe = COOKIE_PROBE(bpf_get_attach_cookie(ctx));
	record->thd = window->record.thd;
	record->error_code = code;
	record->reserved = 0;
	__builtin_memset(record->sqlstate, 0, sizeof(record->sqlstate));
	record->message[0] = 0;
	bpf_probe_read_user_str(record->sqlstate, 6, (void *)sqlstate);
	bpf_probe_read_user_str(record->message, sizeof(record->message), (void *)message);
	emit(record, sizeof(*record), COUNTER_RECORDS_LOST);
	release_scratch(slot);
}

#endif
