/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The record of a statement, put together at its end. */
#ifndef LIVE_AUDIT_POSTGRES_STATEMENT_BPF_H
#define LIVE_AUDIT_POSTGRES_STATEMENT_BPF_H

#include "postgres-portal.bpf.h"

/* enum CommandDest (tcop/dest.h): where results go to; the same from 10 to 18. */
#define DEST_REMOTE 2
#define DEST_REMOTE_EXECUTE 3

/* struct QueryCompletion (tcop/cmdtag.h), since 13 */
struct query_completion {
	__u32 tag;
	__u32 reserved;
	__u64 rows;
};

#define FIRST_WITH_TAG_NUMBERS 13

/* A statement's record in a scratch slot of our own, all but its text. NULL: no slot was free. */
static __always_inline struct postgres_statement *begin_statement(struct scratch *slot, struct backend *backend,
								  struct place *place)
{
	struct postgres_statement *record = (void *)slot->bytes;

	record->start = place->start;
	record->rows = 0;
	record->portal = 0;
	record->tag = 0;
	record->sqlstate = 0;
	record->signal = 0;
	record->function = 0;
	record->size = 0;
	record->known = backend->walsender ? KNOWN_WALSENDER : 0;
	record->protocol = PROTOCOL_UNKNOWN;
	record->outcome = 0;
	record->tag_size = 0;
	record->name_size = 0;
	record->reserved = 0;
	return record;
}

/* Where in its bytes the text begins. */
static __always_inline __u32 begin_of_text(struct postgres_statement *record)
{
	__u32 at = record->tag_size + record->name_size;

	return at > 2 * PG_NAME ? 2 * PG_NAME : at; /* for the verifier */
}

/*
 * The text that the backend is at: a short one into the record, a long one in records of its own before it.
 */
static __always_inline void add_text(struct postgres_statement *record, struct backend *backend,
				     struct place *place)
{
	struct record_header header;
	long n;

	if (!place->text)
		return;
	record->known |= KNOWN_TEXT;
	n = bpf_probe_read_user_str(record->bytes + begin_of_text(record), PG_INLINE, (void *)place->text);
	if (n > 0 && n < PG_INLINE) {
		record->size = n - 1;
		record->known |= KNOWN_INLINE;
		return;
	}
	fill_header(&header, backend, place, POSTGRES_TEXT);
	emit_text(&header, (void *)place->text);
	backend->seq = header.seq;
}

/* 0, or -1 where the ring was full. */
static __always_inline int send_statement(struct postgres_statement *record, struct backend *backend,
					  struct place *place, __u8 type)
{
	__u32 size = record->size;

	fill_header(&record->header, backend, place, type);
	if (size > PG_INLINE) /* for the verifier */
		size = PG_INLINE;
	size += __builtin_offsetof(struct postgres_statement, bytes) + begin_of_text(record);
	if (bpf_ringbuf_output(&events, record, size, 0) == 0)
		return 0;
	record_lost(record->header.target, record->header.probe);
	return -1;
}

/* The tag and the number of rows: `completion` is EndCommand's first argument. */
static __always_inline void read_completion(struct postgres_statement *record, struct place *place,
					    __u64 completion)
{
	__u64 version = number(place->target, PGS_VERSION);
	struct query_completion done = {};
	long n;

	if (!version)
		return;
	if (version < FIRST_WITH_TAG_NUMBERS) {
		n = bpf_probe_read_user_str(record->bytes, PG_NAME, (void *)completion);
		if (n <= 0)
			return;
		record->known |= KNOWN_TAG_TEXT;
		record->tag_size = size_of_place(n);
		return;
	}
	if (bpf_probe_read_user(&done, sizeof(done), (void *)completion) != 0)
		return;
	record->tag = done.tag;
	record->rows = done.rows;
	record->known |= KNOWN_TAG;
}

static __always_inline void hold_completion(struct backend *backend, struct postgres_statement *record)
{
	backend->tag = record->tag;
	backend->rows = record->rows;
	backend->known = record->known & (KNOWN_TAG | KNOWN_TAG_TEXT);
	backend->tag_size = record->tag_size;
	if (backend->tag_size)
		__builtin_memcpy(backend->tag_text, record->bytes, PG_NAME);
}

static __always_inline void take_held(struct postgres_statement *record, struct backend *backend)
{
	record->tag = backend->tag;
	record->rows = backend->rows;
	record->known |= backend->known;
	record->tag_size = backend->tag_size;
	if (record->tag_size)
		__builtin_memcpy(record->bytes, backend->tag_text, PG_NAME);
}

/* It is over, whatever came of it. */
static __always_inline void forget_statement(struct backend *backend)
{
	backend->held = 0;
	backend->part = 0;
	backend->in_function = false;
	backend->dying = false;
	backend->executing = false;
}

static __always_inline void count_lost_statement(void)
{
	count(COUNTER_LOST_RESERVE);
}

/*
 * A statement is over.
 * @completion EndCommand's first argument; 0: none, or that of the last EndCommand, which was held
 */
static __noinline int finish(struct backend *backend, struct place *place, __u8 protocol, __u8 outcome,
			     __u64 completion)
{
	struct postgres_statement *record;
	struct scratch *slot;

	if (!backend || !place || !place->target)
		return 0;
	if (!place->text && protocol != PROTOCOL_FASTPATH)
		return 0; /* a replication command */
	count(COUNTER_SEEN);
	slot = claim_scratch();
	if (!slot) {
		count_lost_statement();
		return 0;
	}
	record = begin_statement(slot, backend, place);
	record->protocol = protocol;
	record->outcome = outcome;
	if (completion)
		read_completion(record, place, completion);
	else if (backend->held && backend->held == place->start)
		take_held(record, backend);
	if (protocol == PROTOCOL_EXTENDED)
		find_portal(backend, place, true, PROTOCOL_EXTENDED);
	add_portal(record, backend);
	if (protocol == PROTOCOL_FASTPATH)
		record->function = backend->function;
	else if (backend->part && backend->part == place->start)
		record->known |= KNOWN_TEXT;
	else
		add_text(record, backend, place);
	if (send_statement(record, backend, place, POSTGRES_STATEMENT) < 0)
		count_lost_statement();
	release_scratch(slot);
	forget_statement(backend);
	return 0;
}

/* What was held of a Query that turned out to be over: its text was sent with POSTGRES_PART. */
static __noinline int flush(struct backend *backend, struct place *place)
{
	struct postgres_statement *record;
	struct scratch *slot;

	if (!backend || !place || !place->target)
		return 0;
	count(COUNTER_SEEN);
	slot = claim_scratch();
	if (!slot) {
		count_lost_statement();
		return 0;
	}
	record = begin_statement(slot, backend, place);
	record->start = backend->part;
	record->protocol = PROTOCOL_SIMPLE;
	record->outcome = OUTCOME_DONE;
	record->known |= KNOWN_TEXT;
	take_held(record, backend);
	if (send_statement(record, backend, place, POSTGRES_STATEMENT) < 0)
		count_lost_statement();
	release_scratch(slot);
	backend->held = 0;
	backend->part = 0;
	return 0;
}

/* One of several statements of a Query: its tag is held, for the one of the last is the Query's. */
static __noinline int hold(struct backend *backend, struct place *place, __u64 completion)
{
	struct postgres_statement *record;
	struct scratch *slot;

	if (!backend || !place || !place->target)
		return 0;
	slot = claim_scratch();
	if (!slot)
		return 0;
	record = begin_statement(slot, backend, place);
	read_completion(record, place, completion);
	hold_completion(backend, record);
	backend->held = place->start;
	/* In version 10 the text is still there at the Query's end. */
	if (place->target->probe_vaddr[PG_CHECK_LOG_DURATION] == 0 && backend->part != place->start) {
		record->protocol = PROTOCOL_SIMPLE;
		record->outcome = OUTCOME_DONE;
		add_text(record, backend, place);
		if (send_statement(record, backend, place, POSTGRES_PART) < 0)
			count(COUNTER_RECORDS_LOST);
		backend->part = place->start;
	}
	release_scratch(slot);
	return 0;
}

/* EndCommand within a Query. */
static __always_inline void finish_simple(struct backend *backend, struct place *place, __u64 completion)
{
	bool more = place->target->probe_vaddr[PG_CHECK_LOG_DURATION] != 0 ||
		    (backend->several == place->start && backend->last != place->start);

	/* From 13 on replication commands do not come here; before, some have a text and some none. */
	if (!place->text || replicates(backend, place))
		return;
	if (place->start && more)
		hold(backend, place, completion);
	else
		finish(backend, place, PROTOCOL_SIMPLE, OUTCOME_DONE, completion);
}

#endif
