// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * What PostgreSQL is asked, and what came of it: records for tables/postgres_queries.
 *
 * A backend is a process with one thread and one client. It has the text that it is at in a global,
 * debug_query_string, and when it began in another, stmtStartTimestamp; so one hook at the end of a statement
 * knows all of it, and a statement costs one probe hit:
 *
 *   Query ── exec_simple_query ── (each statement of the text) … EndCommand(tag)
 *   Parse, Bind, Execute ── exec_execute_message ── PortalRun … EndCommand(tag) | PortalSuspended
 *   FunctionCall ── HandleFunctionRequest
 *   any of them ── ereport(ERROR) ── EmitErrorReport
 *
 * What runs inside of a statement (functions, triggers, SPI) comes to none of these ends, and an error that a
 * function catches is never reported. Where a process has no client (parallel workers, autovacuum,
 * background workers) MyProcPort is NULL.
 *
 * All functions are exported by every build, stripped or not: extensions link against them.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.bpf.h"
#include "postgres.h"
#include "postgres-identity.bpf.h"
#include "postgres-portal.bpf.h"
#include "postgres-statement.bpf.h"
#include "postgres-error.bpf.h"
#include "postgres-signal.bpf.h"
#include "postgres-parameters.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * void EndCommand(const QueryCompletion *, CommandDest, bool) from 13 on, void EndCommand(const char *tag,
 * CommandDest) up to 12: sends CommandComplete, once for each statement of a Query and once for an Execute
 * that reached its end. Replication commands come here too up to 12, without a text.
 */
SEC("uprobe")
int postgres_end_command(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);
	int dest = (int)PT_REGS_PARM2(ctx);

	if (!backend)
		return 0;
	dest += (int)number(place.target, PGS_END_COMMAND_DEST) - 1;
	if (dest == DEST_REMOTE_EXECUTE)
		finish(backend, &place, PROTOCOL_EXTENDED, OUTCOME_DONE, PT_REGS_PARM1(ctx));
	else if (dest == DEST_REMOTE)
		finish_simple(backend, &place, PT_REGS_PARM1(ctx));
	return 0;
}

/*
 * void NullCommand(CommandDest): the Query was empty. Of an Execute the server says nothing in its log
 * either.
 */
SEC("uprobe")
int postgres_null_command(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);

	if (backend && (int)PT_REGS_PARM1(ctx) == DEST_REMOTE)
		finish(backend, &place, PROTOCOL_SIMPLE, OUTCOME_EMPTY, 0);
	return 0;
}

/*
 * void BeginImplicitTransactionBlock(void), from 11 on, at its call in exec_simple_query: before each statement of
 * a Query that has several.
 */
SEC("uprobe")
int postgres_begin_implicit_block(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);

	if (backend)
		backend->several = place.start;
	return 0;
}

/* void EndImplicitTransactionBlock(void), from 11 on: before the last EndCommand of such a Query. */
SEC("uprobe")
int postgres_end_implicit_block(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);

	if (backend)
		backend->last = place.start;
	return 0;
}

/*
 * int check_log_duration(char *, bool): the end of a Query, behind its last EndCommand, while its text is
 * still there. Only for version 10, whose EndCommand does not tell whether it is the last.
 */
SEC("uprobe")
int postgres_check_log_duration(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);

	if (backend && backend->held && backend->held == place.start)
		finish(backend, &place, PROTOCOL_SIMPLE, OUTCOME_DONE, 0);
	return 0;
}

/*
 * The one call of pq_putemptymessage('s'), in exec_execute_message: the portal's row limit was reached.
 * tables/postgres_queries/calls.ts finds it in the code.
 */
SEC("uprobe")
int postgres_portal_suspended(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);

	if (backend)
		finish(backend, &place, PROTOCOL_EXTENDED, OUTCOME_SUSPENDED, 0);
	return 0;
}

/*
 * void HandleFunctionRequest(StringInfo): a FunctionCall message (`lo_*` of libpq); its first 4 bytes are the
 * function's oid.
 */
SEC("uprobe")
int postgres_function_request(struct pt_regs *ctx)
{
	struct place place;
	struct backend *backend = enter(ctx, &place);
	struct string_info message = {};
	__u32 oid = 0;

	if (!backend)
		return 0;
	bpf_probe_read_user(&message, sizeof(message), (void *)PT_REGS_PARM1(ctx));
	bpf_probe_read_user(&oid, sizeof(oid), (void *)(message.data + message.cursor));
	backend->function = __builtin_bswap32(oid);
	backend->in_function = true;
	return 0;
}

/* Its return: the function's result is sent. After an error it does not return. */
SEC("uretprobe")
int postgres_function_request_return(struct pt_regs *ctx)
{
	struct backend *backend = known_backend();
	struct place place = {};

	begin_probe(&place, ctx);
	if (!backend || !place.target || !backend->in_function)
		return 0;
	place_of(backend, &place);
	finish(backend, &place, PROTOCOL_FASTPATH, OUTCOME_DONE, 0);
	return 0;
}

/*
 * void BeginReportingGUCOptions(void): once for each client, when it is logged in and its settings are made.
 * From here on the backend is known, so that even its first statement is when it is killed in it.
 */
SEC("uprobe")
int postgres_begin_reporting(struct pt_regs *ctx)
{
	struct place place;

	enter(ctx, &place);
	return 0;
}

/*
 * void pgstat_report_appname(const char *), all versions: application_name is going to be another one, or that of
 * before again. Its text may come to lie where an earlier one was, so its address alone does not tell: who is
 * connected is sent anew at the next hook.
 */
SEC("uprobe")
int postgres_report_appname(struct pt_regs *ctx)
{
	struct backend *backend;

	probe_target(bpf_get_attach_cookie(ctx));
	backend = known_backend();
	if (backend)
		backend->application = 0;
	return 0;
}
