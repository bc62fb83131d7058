/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* A command from its begin to its end: what mysql.bpf.c's hooks do with a window. */
#ifndef LIVE_AUDIT_MYSQL_COMMAND_BPF_H
#define LIVE_AUDIT_MYSQL_COMMAND_BPF_H

/* What came with a command: bytes behind the command's own, or MySQL 5.7's COM_DATA. */
struct packet {
	__u64 from;
	__u32 size;
	__u64 data;
};

/* Commands that are work that a client asked for: each is a row. */
static __always_inline bool is_work(__u32 command)
{
	const __u32 work = 1u << COM_INIT_DB | 1u << COM_QUERY | 1u << COM_FIELD_LIST | 1u << COM_CREATE_DB |
			   1u << COM_DROP_DB | 1u << COM_REFRESH | 1u << COM_SHUTDOWN | 1u << COM_PROCESS_INFO |
			   1u << COM_PROCESS_KILL | 1u << COM_DEBUG | 1u << COM_CHANGE_USER |
			   1u << COM_STMT_PREPARE | 1u << COM_STMT_EXECUTE | 1u << COM_STMT_CLOSE |
			   1u << COM_STMT_RESET | 1u << COM_SET_OPTION | 1u << COM_STMT_FETCH |
			   1u << COM_RESET_CONNECTION;

	if (command < 32)
		return (work >> command) & 1;
	return command == COM_STMT_BULK_EXECUTE;
}

/* Commands that ask for nothing: rows only where the config wants them. */
static __always_inline bool is_wanted(__u32 command)
{
	struct mysql_settings *config;

	if (is_work(command))
		return true;
	if (command != COM_PING && command != COM_QUIT && command != COM_STATISTICS)
		return false;
	config = settings();
	return config && config->all_commands;
}

#define STATEMENT_ID 4 /* bytes; first in the packets of prepared statements */

/* How much of a packet is taken: never what a client proves itself with. */
static __always_inline __u32 wanted(__u32 command, __u32 size)
{
	switch (command) {
	case COM_QUERY:
	case COM_INIT_DB:
	case COM_FIELD_LIST:
	case COM_CREATE_DB:
	case COM_DROP_DB:
	case COM_STMT_PREPARE:
		return size;
	case COM_STMT_EXECUTE:
	case COM_STMT_BULK_EXECUTE:
	case COM_STMT_CLOSE:
	case COM_STMT_RESET:
	case COM_STMT_FETCH:
		return size < STATEMENT_ID ? size : STATEMENT_ID;
	}
	return 0;
}

/* Where in MySQL 5.7's COM_DATA the bytes lie that earlier versions have in the packet. */
static __always_inline void unpack_data(__u32 command, struct packet *packet)
{
	__u64 member[2] = {};

	switch (command) {
	case COM_QUERY:
	case COM_INIT_DB:
	case COM_FIELD_LIST:
	case COM_CREATE_DB:
	case COM_DROP_DB:
	case COM_STMT_PREPARE:
		bpf_probe_read_user(member, sizeof(member), (void *)packet->data);
		packet->from = member[0];
		packet->size = (__u32)member[1];
		break;
	case COM_STMT_EXECUTE:
	case COM_STMT_CLOSE:
	case COM_STMT_RESET:
	case COM_STMT_FETCH:
		packet->from = packet->data; /* the statement's id comes first */
		packet->size = 4;
		break;
	}
}

/* Take the packet: into the record, or in chunks of their own that go before it. */
static __always_inline void take_packet(struct mysql_statement *record, struct packet *packet)
{
	__u32 size = wanted(record->command, packet->size);

	record->header.seq = 0;
	record->packet_size = packet->size;
	record->text_size = 0;
	if (size == 0)
		return;
	if (size <= MYSQL_TEXT) {
		if (bpf_probe_read_user(record->text, size, (void *)packet->from) == 0) {
			record->text_size = size;
		} else {
			record->header.flags |= FLAG_READ_FAILED;
			count(COUNTER_READ_FAILED);
		}
	} else {
		record->header.seq = take_part(&record->header, packet->from, size);
	}
}

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

/* The client said goodbye: nobody needs to remember the connection. */
static __always_inline void goodbye(__u32 target, struct session_key *key)
{
	struct mysql_connection record = { .thd = key->thd };

	if (!bpf_map_lookup_elem(&sessions, key))
		return;
	bpf_map_delete_elem(&sessions, key);
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
		if (record->text_size > 0 && record->error_code == 0)
			remember(record);
	}
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
