/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* A command from its begin to its end: what mysql.bpf.c's hooks do with a window. */
#ifndef LIVE_AUDIT_MYSQL_COMMAND_BPF_H
#define LIVE_AUDIT_MYSQL_COMMAND_BPF_H

#include "mysql-packet.bpf.h"
#include "mysql-statement.bpf.h"
#include "mysql-values.bpf.h"

/* The client said goodbye: nobody needs to remember the connection. */
static __always_inline void goodbye(__u32 target, struct session_key *key)
{
	struct mysql_connection record = { .thd = key->thd };

	if (!bpf_map_lookup_elem(&sessions, key))
		return;
	bpf_map_delete_elem(&sessions, key);
	forget_identities(key);
	record.header.type = MYSQL_END;
	record.header.probe = MYSQL_PROBE_DISPATCH;
	record.header.target = target;
	record.header.time = bpf_ktime_get_boot_ns();
	record.header.tgid = key->tgid;
	emit(&record, sizeof(record), COUNTER_RECORDS_LOST);
}

/* The command is over. */
__noinline int finish(struct window *window)
{
	struct mysql_statement *record;
	struct target *target;
	__u32 id;

	if (!window)
		return 0;
	record = &window->record;
	id = record->header.target;
	target = bpf_map_lookup_elem(&targets, &id);
	window->active = false;
	if (target && record->command == COM_STMT_PREPARE) {
		__s64 counter = offset_of(target, MYSQL_THD_STATEMENTS);

		if (counter >= 0 && bpf_probe_read_user(&record->statement_id, sizeof(__u32),
							(void *)(record->thd + counter)) == 0)
			record->known |= KNOWN_STATEMENT_ID;
		record->header.time = bpf_ktime_get_boot_ns();
		remember_prepared(record);
	}
	if (record->command == COM_STMT_CLOSE)
		forget_prepared(record);
	if (target && record->command == COM_CHANGE_USER) {
		struct session_key key = session_key(record->thd);
		struct session *session = bpf_map_lookup_elem(&sessions, &key);

		if (session) {
			identify(target, session, &record->header, record->thd, window->bias);
			record->identity = session->identity;
		}
	}
	record->more = 0;
	emit_statement(target, record);
	if (record->command == COM_QUIT) {
		struct session_key key = session_key(record->thd);

		goodbye(id, &key);
	}
	return 0;
}

/* Put a command aside that will go on. 0, or -1 where there was no room. */
__noinline int suspend(struct window *window)
{
	struct session_key key;
	struct session *session;

	if (!window)
		return -1;
	key = session_key(window->record.thd);
	session = bpf_map_lookup_elem(&sessions, &key);
	if (!session || bpf_map_update_elem(&suspended, &key, window, BPF_ANY) != 0)
		return -1;
	session->suspended = true;
	window->active = false;
	return 0;
}

/* The command that was put aside goes on, in the window of the thread that has it now. */
__noinline int resume(struct session_key *key)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct window *window;

	if (!key)
		return -1;
	window = bpf_map_lookup_elem(&suspended, key);
	if (!window)
		return -1;
	bpf_map_update_elem(&windows, &id, window, BPF_ANY);
	bpf_map_delete_elem(&suspended, key);
	window = bpf_map_lookup_elem(&windows, &id);
	if (!window)
		return -1;
	window->active = true;
	window->record.known &= ~KNOWN_RETURN_CODE;
	return 0;
}

static __always_inline void fill_statement(struct target *target, struct mysql_statement *record, __u64 cookie,
					   struct session_key *key, __u32 command)
{
	record->header.type = MYSQL_STATEMENT;
	record->header.probe = MYSQL_PROBE_DISPATCH_RETURN;
	record->header.flags = 0;
	record->header.target = COOKIE_TARGET(cookie);
	record->header.tgid = key->tgid;
	record->thd = key->thd;
	record->started = bpf_ktime_get_boot_ns();
	record->tid = (__u32)bpf_get_current_pid_tgid();
	record->command = command;
	record->known = 0;
	record->return_code = 0;
	record->error_code = 0;
	record->statement_id = 0;
	record->part_from = 0;
	record->part_to = 0;
	record->reserved = 0;
	if (target->probe_vaddr[MYSQL_PROBE_SEND_ERROR] || target->probe_vaddr[MYSQL_PROBE_SEND_ERROR_10_2])
		record->known |= KNOWN_ERROR;
}

/* A command begins. */
static __always_inline void begin(struct pt_regs *ctx, __u64 thd, __u32 command, struct packet *packet)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct target *target = probe_target(cookie);
	struct session_key key = session_key(thd);
	struct session *session;
	struct window *window;
	__u32 connection = 0;
	__s64 offset;

	if (!target)
		return;
	if (!is_wanted(command)) {
		if (command == COM_QUIT)
			goodbye(COOKIE_TARGET(cookie), &key);
		return;
	}
	window = current_window_or_new();
	if (!window) {
		count(COUNTER_SEEN);
		count(COUNTER_LOST_STATE);
		return;
	}
	if (window->active) /* its return never came */
		finish(window);
	offset = offset_of(target, MYSQL_THD_ID);
	if (offset >= 0)
		bpf_probe_read_user(&connection, sizeof(connection), (void *)(thd + offset));
	session = session_or_new(&key, window->server, connection);
	if (session && session->suspended) {
		session->suspended = false;
		if (resume(&key) == 0)
			return;
	}
	window->first = 0;
	fill_statement(target, &window->record, cookie, &key, command);
	window->record.connection_id = connection;
	if (offset >= 0)
		window->record.known |= KNOWN_CONNECTION;
	if (packet->data)
		unpack_data(command, packet);
	window->bias = PT_REGS_IP(ctx) - target->probe_vaddr[MYSQL_PROBE_DISPATCH];
	if (session) {
		identify(target, session, &window->record.header, thd, window->bias);
		window->record.identity = session->identity;
		if (command == COM_CHANGE_USER || command == COM_RESET_CONNECTION)
			session->stale = true;
	} else {
		window->record.identity = 0;
	}
	take_packet(&window->record, packet);
	if (packet->data && command == COM_STMT_EXECUTE)
		take_data_values(target, &window->record, packet->data);
	window->active = true;
}

#endif
