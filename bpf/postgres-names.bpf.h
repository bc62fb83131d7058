/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Names of prepared statements: by the address of their text, which the server keeps as long as the plan. */
#ifndef LIVE_AUDIT_POSTGRES_NAMES_BPF_H
#define LIVE_AUDIT_POSTGRES_NAMES_BPF_H

#include "postgres-backend.bpf.h"

#define MAX_NAMES 16384

struct name_key {
	__u64 started; /* of the backend: no two of a pid have the same */
	__u64 text;    /* CachedPlanSource.query_string */
};

struct statement_name {
	char name[PG_NAME];
};

/* Those of backends that are gone are the oldest, and go first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_NAMES);
	__type(key, struct name_key);
	__type(value, struct statement_name);
} names SEC(".maps");

/*
 * struct CachedPlanSource (utils/plancache.h) begins with int magic, RawStmt *raw_parse_tree and, up to 17,
 * const char *query_string; 18 has Query *analyzed_parse_tree before it.
 */
static __always_inline __u32 plan_query(struct place *place)
{
	__u64 version = number(place->target, PGS_VERSION);

	if (version >= 10 && version <= 17)
		return 16;
	return version == 18 ? 24 : 0;
}

/* The address of a plan's text; 0: not known. */
static __always_inline __u64 text_of_plan(struct place *place, __u64 plan)
{
	__u32 offset = plan_query(place);
	__u64 text = 0;

	if (offset)
		bpf_probe_read_user(&text, sizeof(text), (void *)(plan + offset));
	return text;
}

/* The name of the prepared statement whose text the backend is at. */
static __always_inline void add_name(struct postgres_statement *record, struct backend *backend,
				     struct place *place)
{
	struct name_key key = { .started = backend->started, .text = place->text };
	struct statement_name *known = bpf_map_lookup_elem(&names, &key);

	if (known) {
		__builtin_memcpy(record->name, known->name, PG_NAME);
		record->known |= KNOWN_NAME;
	} else if (backend->whole && plan_query(place)) {
		record->known |= KNOWN_UNNAMED;
	}
}

/*
 * void StorePreparedStatement(const char *name, CachedPlanSource *, bool from_sql): a Parse with a name, or
 * PREPARE.
 */
SEC("uprobe")
int postgres_store_prepared(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);
	struct statement_name value = {};
	struct name_key key = {};

	if (!backend)
		return 0;
	key.started = backend->started;
	key.text = text_of_plan(&place, PT_REGS_PARM2(ctx));
	if (key.text && bpf_probe_read_user_str(value.name, PG_NAME, (void *)PT_REGS_PARM1(ctx)) > 0)
		bpf_map_update_elem(&names, &key, &value, BPF_ANY);
	return 0;
}

/* void DropCachedPlan(CachedPlanSource *): its memory may be another text's next. Unnamed ones come too. */
SEC("uprobe")
int postgres_drop_cached_plan(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);
	struct name_key key = {};

	if (!backend)
		return 0;
	key.started = backend->started;
	key.text = text_of_plan(&place, PT_REGS_PARM1(ctx));
	bpf_map_delete_elem(&names, &key);
	return 0;
}

#endif
