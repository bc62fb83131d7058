/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Statements that end with an error. */
#ifndef LIVE_AUDIT_POSTGRES_ERROR_BPF_H
#define LIVE_AUDIT_POSTGRES_ERROR_BPF_H

#include "postgres-statement.bpf.h"

/*
 * elog.h: WARNING_CLIENT_ONLY came before ERROR in 14. FATAL and PANIC are above. A version that is not known is a
 * newer one.
 */
static __always_inline __u32 level_of_error(__u64 version)
{
	return version && version < 14 ? 20 : 21;
}

/*
 * struct ErrorData (utils/elog.h): int elevel first. Four bools after it, five up to 13 (show_funcname); then
 * filename, lineno, funcname, domain, context_domain, int sqlerrcode, char *message.
 */
static __always_inline __u32 offset_of_code(__u64 version)
{
	return version >= 14 ? 48 : 56;
}

struct error_code {
	__u32 sqlstate;
	__u32 reserved;
	__u64 message;
};

/* Where the error that is being reported stands; 0: this build does not tell. */
static __always_inline __u64 current_error(struct place *place)
{
	__u64 size = number(place->target, PGS_ERRORDATA_SIZE);
	__u64 array = number(place->target, PGS_ERRORDATA);
	int depth = (int)global(place, PGS_ERRORDATA_DEPTH);

	if (!size || !array || depth < 0 || depth >= 5)
		return 0;
	return place->bias + array + depth * size;
}

/*
 * void EmitErrorReport(void): once for each message that goes to the client or the log, notices included.
 * For ERROR it is called when the statement is over already, by PostgresMain; for FATAL and PANIC before the
 * process ends.
 */
SEC("uprobe")
int postgres_emit_error_report(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);
	struct postgres_statement *record;
	struct record_header header;
	struct error_code code = {};
	struct scratch *slot;
	__u32 elevel = 0;
	__u64 version;
	__u64 error;

	if (!backend || (!place.text && !backend->in_function))
		return 0;
	version = number(place.target, PGS_VERSION);
	error = current_error(&place);
	if (!error || bpf_probe_read_user(&elevel, sizeof(elevel), (void *)error) != 0)
		return 0;
	if (elevel < level_of_error(version) || replicates(backend, &place))
		return 0;
	if (version)
		bpf_probe_read_user(&code, sizeof(code), (void *)(error + offset_of_code(version)));

	count(COUNTER_SEEN);
	if (code.message) {
		fill_header(&header, backend, &place, POSTGRES_ERROR);
		emit_text(&header, (void *)code.message);
		backend->seq = header.seq;
	}
	slot = claim_scratch();
	if (!slot) {
		count_lost_statement();
		return 0;
	}
	record = begin_statement(slot, backend, &place);
	record->outcome = OUTCOME_FAILED;
	record->sqlstate = code.sqlstate;
	if (backend->in_function) {
		record->protocol = PROTOCOL_FASTPATH;
		record->function = backend->function;
	} else {
		record->protocol = protocol_of(backend, &place);
		add_portal(record, backend);
		if (backend->part && backend->part == place.start)
			record->known |= KNOWN_TEXT;
		else
			add_text(record, backend, &place);
	}
	if (send_statement(record, backend, &place, POSTGRES_STATEMENT) < 0)
		count_lost_statement();
	release_scratch(slot);
	forget_statement(backend);
	return 0;
}

#endif
