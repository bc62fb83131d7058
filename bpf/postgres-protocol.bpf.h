/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What kind of message a text came with, where no hook at its end tells. */
#ifndef LIVE_AUDIT_POSTGRES_PROTOCOL_BPF_H
#define LIVE_AUDIT_POSTGRES_PROTOCOL_BPF_H

#include "postgres-backend.bpf.h"

/* Palloc'd memory (utils/mmgr/aset.c, utils/memutils_memorychunk.h). */
#define FIRST_WITH_SHORT_HEADERS 16 /* before, the header ends with the context */
#define BLOCK_HEADER 40             /* struct AllocBlockData */
#define MESSAGE_BYTES 1024          /* initStringInfo */
#define MESSAGE_FREELIST 7          /* 8 << 7 is 1024 */

/*
 * Whether a text begins where the client's message does, as that of a Query does and no other: that of Parse
 * has a name before it, and what is bound or executed was copied from there (that of a COMMIT into a chunk of
 * the same context, but of its own length).
 */
static __noinline int protocol_of_text(struct place *place)
{
	__u64 version, context, text, header = 0, block, owner = 0;

	if (!place || !place->target)
		return PROTOCOL_UNKNOWN;
	version = number(place->target, PGS_VERSION);
	context = global(place, PGS_MESSAGE_CONTEXT);
	text = place->text;
	if (!version || !context)
		return PROTOCOL_UNKNOWN;
	if (text % 8)
		return PROTOCOL_EXTENDED;
	bpf_probe_read_user(&header, sizeof(header), (void *)(text - 8));
	if (version < FIRST_WITH_SHORT_HEADERS) {
		__u64 size = 0;

		bpf_probe_read_user(&size, sizeof(size), (void *)(text - 16));
		return header == context && size >= MESSAGE_BYTES ? PROTOCOL_SIMPLE : PROTOCOL_EXTENDED;
	}
	/* bits: method 3 (4 from 17 on), external 1, free list 30, offset in the block 30 */
	if (header >> (version == FIRST_WITH_SHORT_HEADERS ? 3 : 4) & 1) {
		block = text - 8 - BLOCK_HEADER;
	} else {
		block = text - 8 - (header >> 34 & 0x3ffffffe);
		if ((header >> (version == FIRST_WITH_SHORT_HEADERS ? 4 : 5) & 0x3f) < MESSAGE_FREELIST)
			return PROTOCOL_EXTENDED;
	}
	bpf_probe_read_user(&owner, sizeof(owner), (void *)block);
	return owner == context ? PROTOCOL_SIMPLE : PROTOCOL_EXTENDED;
}

/*
 * Whether a replication connection is at a replication command and not at SQL: START_REPLICATION and its like
 * (replication/repl_gram.y) have an underscore in their first word, SQL's never do.
 */
#define FIRST_WORD 12

static __always_inline bool replicates(struct backend *backend, struct place *place)
{
	char word[FIRST_WORD] = {};
	int i;

	if (!backend->walsender)
		return false;
	if (bpf_probe_read_user_str(word, sizeof(word), (void *)place->text) <= 0)
		return false;
	for (i = 0; i < FIRST_WORD; i++) {
		char letter = word[i] | 0x20;

		if (word[i] == '_')
			return true;
		if (letter < 'a' || letter > 'z')
			return false;
	}
	return false;
}

#endif
