/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What an Execute runs: a portal, and the prepared statement that it was made of. When the statement ends its
 * portal is still among those of the backend, but for that of a utility command, which may have ended the
 * transaction; that is noted before it runs. So an Execute of a query costs no second probe hit.
 */
#ifndef LIVE_AUDIT_POSTGRES_PORTAL_BPF_H
#define LIVE_AUDIT_POSTGRES_PORTAL_BPF_H

#include "postgres-identity.bpf.h"
#include "postgres-protocol.bpf.h"

/*
 * struct PortalData (utils/portal.h), the begin: the same from 10 to 14, and from 15 on, where createLevel came before
 * sourceText.
 */
struct portal {
	__u64 name;
	__u64 statement; /* prepStmtName; NULL: the unnamed one */
	__u64 others[4];
	__u64 source_10; /* sourceText up to 14 */
	__u64 source_15; /* … and since */
};

#define FIRST_WITH_LEVEL 15

/* Of a version that is not known, too: it is a newer one. */
static __always_inline bool has_level(struct place *place)
{
	__u64 version = number(place->target, PGS_VERSION);

	return !version || version >= FIRST_WITH_LEVEL;
}

static __always_inline __u64 source_of(const struct portal *portal, bool level)
{
	return level ? portal->source_15 : portal->source_10;
}

/*
 * dynahash.c, the same from 10 to 18. HTAB begins with HASHHDR * and the directory of segments; HASHHDR with
 * freeList[0]: a mutex, and the number of elements; a segment is an array of 256 buckets. An element: link, hash, the
 * portal's name in MAX_PORTALNAME_LEN bytes, Portal.
 */
#define ELEMENTS_COUNT 8
#define ELEMENT_PORTAL 80
/* Of those with more portals at once, the statement's name is not known. */
#define BUCKETS 256
#define BUCKET_ELEMENTS 8

struct hash_table {
	__u64 header;
	__u64 directory;
};

/* So much of two texts is compared. */
#define COMPARED_CHUNKS 8
#define COMPARED_CHUNK 128

/* Functions that are not static: the verifier looks at each once, and not at each of its calls. */
__noinline int same_text(__u64 one, __u64 other)
{
	__u64 first[COMPARED_CHUNK / 8];
	__u64 second[COMPARED_CHUNK / 8];
	int i, word;

	for (i = 0; i < COMPARED_CHUNKS; i++) {
		__u32 at = i * (COMPARED_CHUNK - 1);
		long n;

		__builtin_memset(first, 0, sizeof(first));
		__builtin_memset(second, 0, sizeof(second));
		n = bpf_probe_read_user_str(first, sizeof(first), (void *)(one + at));
		if (n <= 0 || bpf_probe_read_user_str(second, sizeof(second), (void *)(other + at)) != n)
			return false;
		for (word = 0; word < COMPARED_CHUNK / 8; word++)
			if (first[word] != second[word])
				return false;
		if (n < COMPARED_CHUNK)
			break;
	}
	return true;
}

/* What is looked for among the portals of a backend, and found. */
struct found {
	__u64 left;    /* not looked at yet */
	__u64 portal;  /* 0: none yet */
	__u64 statement;
	__u64 text;    /* what the backend is at */
	__u32 bucket;
	__u8 level;    /* as of source_of */
	__u8 certain;  /* the only portal is that of the Execute */
	__u8 own_text; /* the text is not in the client's message, so it may be the portal's own */
	__u8 several;  /* statements of different names have the same text */
	__u8 query;    /* a portal has the very text that is in the message: that of a Query */
	__u8 reserved[7];
};

/* Whether a text takes so much memory as the client's message does at least, its NUL included. */
__noinline int is_long_text(__u64 text)
{
	char chunk[COMPARED_CHUNK];
	__u32 at = 0;
	int i;

	for (i = 0; i < MESSAGE_BYTES / 2 / COMPARED_CHUNK + 1; i++) {
		long n = bpf_probe_read_user_str(chunk, sizeof(chunk), (void *)(text + at));

		if (n < COMPARED_CHUNK)
			return at + n > MESSAGE_BYTES / 2;
		at += COMPARED_CHUNK - 1;
	}
	return true;
}

/* Of an Execute the text is a copy of the portal's, since the minor versions of 2021. */
static __always_inline bool is_at(struct found *found, __u64 source)
{
	return source == found->text ? found->own_text : same_text(source, found->text);
}

__noinline int look_at_portal(struct found *found, __u64 at)
{
	struct portal portal = {};
	__u64 source;

	if (!found || bpf_probe_read_user(&portal, sizeof(portal), (void *)at) != 0)
		return 0;
	source = source_of(&portal, found->level);
	if (source == found->text && !found->own_text)
		found->query = true;
	if (!found->certain && !is_at(found, source))
		return 0;
	if (found->portal && found->statement != portal.statement &&
	    (!found->statement || !portal.statement || !same_text(found->statement, portal.statement)))
		found->several = true;
	found->portal = at;
	found->statement = portal.statement;
	return 0;
}

/* @return whether a portal of this bucket was the last one that fits */
__noinline int look_at_bucket(struct found *found, __u64 bucket)
{
	__u64 before, element = 0;
	__u64 portal = 0;
	int i;

	if (!found)
		return false;
	before = found->portal;
	bpf_probe_read_user(&element, sizeof(element), (void *)bucket);
	for (i = 0; i < BUCKET_ELEMENTS && element && found->left; i++) {
		if (bpf_probe_read_user(&portal, sizeof(portal), (void *)(element + ELEMENT_PORTAL)) != 0)
			break;
		found->left--;
		look_at_portal(found, portal);
		bpf_probe_read_user(&element, sizeof(element), (void *)element);
	}
	return found->portal != before;
}

/* The name of the statement that is at `from`; 0: the unnamed one. */
static __always_inline void take_name(struct backend *backend, __u64 from)
{
	long n = from ? bpf_probe_read_user_str(backend->name, PG_NAME, (void *)from) : 0;

	backend->name_size = n > 0 ? size_of_place(n) : 0;
	backend->nameless = n < 0;
}

static __always_inline bool find_table(struct backend *backend, struct place *place)
{
	__u64 at = global(place, PGS_PORTALS);
	struct hash_table table = {};

	if (!at || bpf_probe_read_user(&table, sizeof(table), (void *)at) != 0)
		return false;
	if (bpf_probe_read_user(&backend->buckets, sizeof(__u64), (void *)table.directory) != 0)
		return false;
	backend->portals = table.header;
	return true;
}

/*
 * Find the portal that an Execute runs, among all that the backend has.
 * @ended it is known that an Execute ended; else whether there is one shows in the text
 * @text_of the protocol of the text, as protocol_of_text() has it
 */
static __noinline int find_portal(struct backend *backend, struct place *place, bool ended, __u8 text_of)
{
	struct found found = {};
	__u32 i;

	if (!backend || !place || !place->target || backend->executing)
		return 0;
	if (!place->target->probe_vaddr[PG_PROCESS_UTILITY])
		return 0;
	if (!backend->portals && !find_table(backend, place))
		return 0;
	bpf_probe_read_user(&found.left, sizeof(found.left), (void *)(backend->portals + ELEMENTS_COUNT));
	if (!found.left)
		return 0;
	found.certain = ended && found.left == 1;
	found.text = place->text;
	found.level = has_level(place);
	found.own_text = text_of == PROTOCOL_EXTENDED;
	for (i = 0; i < BUCKETS && found.left; i++) {
		__u32 bucket = (backend->bucket + i) % BUCKETS;

		if (look_at_bucket(&found, backend->buckets + bucket * sizeof(__u64)))
			found.bucket = bucket;
	}
	if (!found.portal || found.query)
		return 0;
	backend->executing = true;
	backend->bucket = found.bucket;
	backend->portal = found.several ? 0 : found.portal;
	take_name(backend, found.statement);
	if (found.several || found.left)
		backend->nameless = true;
	return 0;
}

static __always_inline void add_portal(struct postgres_statement *record, struct backend *backend)
{
	if (!backend->executing)
		return;
	record->portal = backend->portal;
	if (backend->nameless)
		return;
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

/* Of a statement that did not come to its end. */
static __always_inline __u8 protocol_of(struct backend *backend, struct place *place)
{
	__u8 text_of;

	if (backend->executing)
		return PROTOCOL_EXTENDED;
	text_of = protocol_of_text(place);
	/* The copy that an Execute makes of a short text takes less memory than a message does. */
	if (text_of != PROTOCOL_SIMPLE || is_long_text(place->text))
		find_portal(backend, place, false, text_of);
	return backend->executing ? PROTOCOL_EXTENDED : text_of;
}

/*
 * void ProcessUtility(PlannedStmt *, const char *queryString, ProcessUtilityContext, …) from 10 to 13, (PlannedStmt *,
 * const char *, bool readOnlyTree, ProcessUtilityContext, …) from 14 on: a command that is no query runs, as its
 * portal's (PROCESS_UTILITY_TOPLEVEL) or within another one. Exported; PortalRunUtility calls it, with ActivePortal set.
 */
#define FIRST_WITH_TREE 14
#define PROCESS_UTILITY_TOPLEVEL 0

SEC("uprobe")
int postgres_process_utility(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = backend_at(ctx, &place);
	struct portal portal = {};
	__u64 third = PT_REGS_PARM3(ctx);
	__u64 fourth = PT_REGS_PARM4(ctx);
	__u64 version, at;

	barrier_var(third); /* the verifier wants no choice between two places of ctx */
	barrier_var(fourth);
	if (!backend || !number(place.target, PGS_PORTALS))
		return 0;
	version = number(place.target, PGS_VERSION);
	if ((__u32)(version && version < FIRST_WITH_TREE ? third : fourth) != PROCESS_UTILITY_TOPLEVEL)
		return 0;
	at = global(&place, PGS_ACTIVE_PORTAL);
	if (!at || bpf_probe_read_user(&portal, sizeof(portal), (void *)at) != 0)
		return 0;
	place.text = global(&place, PGS_DEBUG_QUERY_STRING);
	/* That of a Query has the Query's own text, where the message is. */
	if (source_of(&portal, has_level(&place)) == place.text && protocol_of_text(&place) != PROTOCOL_EXTENDED)
		return 0;
	backend->portal = at;
	backend->executing = true;
	take_name(backend, portal.statement);
	return 0;
}

/*
 * void SetRemoteDestReceiverParams(DestReceiver *, Portal), at its one call in exec_execute_message, which is
 * static: tables/postgres_queries/calls.ts finds it in the code. Only where PortalHashTable is not found: it is one
 * more hit for each Execute.
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
	bpf_probe_read_user(&name, sizeof(name), (void *)(backend->portal + __builtin_offsetof(struct portal, statement)));
	take_name(backend, name);
	backend->executing = true;
	return 0;
}

#endif
