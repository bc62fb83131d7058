// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * What MySQL and MariaDB are asked, and what came of it: records for tables/mysql_queries.
 *
 * Every command of a client goes through dispatch_command, in every version since 4.1, on one thread from its
 * entry to its return:
 *
 *   dispatch_command(thd, command, packet) ── mysql_parse(…)         each statement of the packet
 *          │                                    └ net_send_ok | net_send_error_packet   its result
 *          └ returns 0, 1 (the connection ends) or 2 (it goes on later, maybe on another thread)
 *
 * What runs inside of it (stored procedures, triggers) goes through none of these hooks but the result's, and
 * the result of the whole comes last. The event scheduler and replication threads never call dispatch_command.
 *
 * What is known of a connection is kept by its THD, never by a thread: servers pool threads. What is known of
 * the command that runs is kept by the thread, in the window between entry and return: hooks that have no THD
 * need it, and a THD is on no other thread in that time.
 *
 * One record for each statement, at its end: the packet is copied at the entry into the window's record and
 * waits there. Only packets of over 1 KiB are sent apart.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.bpf.h"
#include "mysql.h"
#include "mysql-identity.bpf.h"
#include "mysql-command.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * dispatch_command(enum_server_command, THD *, char *packet, uint length, …): MySQL up to 5.6, MariaDB up to
 * 12. What follows (bool is_com_multi, is_next_command in 10.2 to 10.5; bool blocking from 10.6 on) is not
 * looked at. `packet` begins behind the command's byte.
 */
SEC("uprobe")
int mysql_dispatch(struct pt_regs *ctx)
{
	struct packet packet = { .from = PT_REGS_PARM3(ctx), .size = PT_REGS_PARM4(ctx) };

	begin(ctx, PT_REGS_PARM2(ctx), PT_REGS_PARM1(ctx), &packet);
	return 0;
}

/*
 * dispatch_command(THD *, const COM_DATA *, enum_server_command): MySQL from 5.7 on. COM_DATA is a union;
 * its members that have a text begin with a pointer and a length of 4 bytes at least (com_data.h), those of
 * prepared statements with the statement's id.
 */
SEC("uprobe")
int mysql_dispatch_data(struct pt_regs *ctx)
{
	struct packet packet = { .data = PT_REGS_PARM2(ctx) };

	if ((__u32)PT_REGS_PARM3(ctx) == COM_STMT_SEND_LONG_DATA)
		take_data_piece(ctx, PT_REGS_PARM1(ctx), packet.data);
	begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM3(ctx), &packet);
	return 0;
}

/* The command is over, or will go on later (2: DISPATCH_COMMAND_WOULDBLOCK, MariaDB from 10.6 on). */
SEC("uretprobe")
int mysql_dispatch_return(struct pt_regs *ctx)
{
	struct window *window;

	probe_target(bpf_get_attach_cookie(ctx));
	window = current_window();
	if (!window || !window->active)
		return 0;
	window->record.known |= KNOWN_RETURN_CODE;
	window->record.return_code = PT_REGS_RC(ctx) & 0xff; /* up to 5.7 it is a bool */
	if (window->record.return_code == DISPATCH_WOULDBLOCK && suspend(window) == 0)
		return 0;
	finish(window);
	return 0;
}

/*
 * mysql_parse(THD *, char *text, uint length, Parser_state *, …): MySQL up to 5.6 and MariaDB, once for each
 * statement of a COM_QUERY packet, `text` pointing into the server's copy of it. Replication and the
 * bootstrap call it too, outside of dispatch_command.
 */
SEC("uprobe")
int mysql_parse(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct window *window = current_window();

	if (target && window && window->active && window->record.thd == PT_REGS_PARM1(ctx))
		next_statement(target, window, PT_REGS_PARM2(ctx));
	return 0;
}

/*
 * Lex_input_stream::reset(this, const char *text, size_t length): MySQL from 5.7 on, where mysql_parse (later
 * dispatch_sql_command) has no text. Views and stored programs are parsed by it too: their texts lie
 * elsewhere.
 */
SEC("uprobe")
int mysql_parse_text(struct pt_regs *ctx)
{
	struct target *target = probe_target(bpf_get_attach_cookie(ctx));
	struct window *window = current_window();
	__u64 text = PT_REGS_PARM2(ctx);

	if (!target || !window || !window->active)
		return 0;
	if (window->first == 0 || (text > window->first && text - window->first <= window->record.packet_size))
		next_statement(target, window, text);
	return 0;
}

/* An argument that the caller pushed: the nth of them, from 0, behind the return address. */
static __always_inline bool stack_bool(struct pt_regs *ctx, int nth)
{
	bool value = false;

	bpf_probe_read_user(&value, sizeof(value), (void *)(PT_REGS_SP(ctx) + 8 + 8 * nth));
	return value;
}

/* An OK packet goes to the client: of statements without rows, it counts those that changed. */
static __always_inline void sent_ok(struct pt_regs *ctx, __u64 affected, bool is_eof)
{
	struct window *window;

	probe_target(bpf_get_attach_cookie(ctx));
	window = current_window();
	if (!window || !window->active)
		return;
	window->record.error_code = 0;
	window->record.known &= ~KNOWN_ROWS_AFFECTED;
	if (!is_eof) {
		window->record.rows_affected = affected;
		window->record.known |= KNOWN_ROWS_AFFECTED;
	}
}

/* net_send_ok(THD *, uint status, uint warnings, ulonglong affected, ulonglong id, message): MySQL to 5.6 */
SEC("uprobe")
int mysql_send_ok(struct pt_regs *ctx)
{
	sent_ok(ctx, PT_REGS_PARM4(ctx), false);
	return 0;
}

/* … bool is_eof, bool skip_flush): MariaDB 10.2; is_eof is an end of rows in the form of an OK packet */
SEC("uprobe")
int mysql_send_ok_eof(struct pt_regs *ctx)
{
	sent_ok(ctx, PT_REGS_PARM4(ctx), stack_bool(ctx, 0));
	return 0;
}

/* Protocol::net_send_ok(this, THD *, uint, uint, affected, id, message, bool is_eof): MariaDB from 10.3 on */
SEC("uprobe")
int mysql_protocol_send_ok(struct pt_regs *ctx)
{
	sent_ok(ctx, PT_REGS_PARM5(ctx), stack_bool(ctx, 1));
	return 0;
}

/* Protocol_classic::send_ok(this, uint, uint, affected, id, message): MySQL from 5.7 on */
SEC("uprobe")
int mysql_classic_send_ok(struct pt_regs *ctx)
{
	sent_ok(ctx, PT_REGS_PARM4(ctx), false);
	return 0;
}

/* net_send_error_packet(THD *, uint errno, const char *message, const char *sqlstate): MySQL to 5.6, MariaDB 10.2 */
SEC("uprobe")
int mysql_send_error(struct pt_regs *ctx)
{
	sent_error(ctx, PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx));
	return 0;
}

/* Protocol::net_send_error_packet(this, THD *, uint, message, sqlstate): MariaDB from 10.3 on */
SEC("uprobe")
int mysql_protocol_send_error(struct pt_regs *ctx)
{
	sent_error(ctx, PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx), PT_REGS_PARM5(ctx));
	return 0;
}

/* Protocol_classic::send_error(this, uint, message, sqlstate): MySQL from 5.7 on */
SEC("uprobe")
int mysql_classic_send_error(struct pt_regs *ctx)
{
	sent_error(ctx, PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx));
	return 0;
}

/*
 * mysql_change_db(THD *, name, bool force), every version: the database may be written over in place, so
 * that no pointer tells of the change.
 */
SEC("uprobe")
int mysql_change_database(struct pt_regs *ctx)
{
	struct session_key key = session_key(PT_REGS_PARM1(ctx));
	struct session *session;

	probe_target(bpf_get_attach_cookie(ctx));
	session = bpf_map_lookup_elem(&sessions, &key);
	if (session)
		session->stale = true;
	return 0;
}

/*
 * mysqld_stmt_execute(THD *, char *packet, uint length) and mysqld_stmt_bulk_execute: MySQL up to 5.6 and
 * MariaDB. Attached only where parameters are asked for.
 */
SEC("uprobe")
int mysql_execute(struct pt_regs *ctx)
{
	probe_target(bpf_get_attach_cookie(ctx));
	take_values(ctx, PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
	return 0;
}

/* mysql_stmt_get_longdata(THD *, char *packet, ulong length): MySQL up to 5.6 and MariaDB */
SEC("uprobe")
int mysql_long_data(struct pt_regs *ctx)
{
	struct mysql_long_data piece = { .thd = PT_REGS_PARM1(ctx) };

	probe_target(bpf_get_attach_cookie(ctx));
	take_long_data(ctx, &piece, PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
	return 0;
}

/* sched_process_exit(task): a thread is gone. In the midst of a command the server was killed. */
SEC("raw_tp/sched_process_exit")
int mysql_thread_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct window *window = current_window();
	__u64 id = bpf_get_current_pid_tgid();

	if (!window)
		return 0;
	if (window->active)
		finish(window);
	bpf_map_delete_elem(&windows, &id);
	return 0;
}
