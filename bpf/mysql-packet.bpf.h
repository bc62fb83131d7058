/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What came with a command, and how much of it is taken. */
#ifndef LIVE_AUDIT_MYSQL_PACKET_BPF_H
#define LIVE_AUDIT_MYSQL_PACKET_BPF_H

#include "mysql-values.bpf.h"

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

/* Commands that come with a text. */
static __always_inline bool has_text(__u32 command)
{
	const __u32 texts = 1u << COM_INIT_DB | 1u << COM_QUERY | 1u << COM_FIELD_LIST | 1u << COM_CREATE_DB |
			    1u << COM_DROP_DB | 1u << COM_STMT_PREPARE;

	return command < 32 && ((texts >> command) & 1);
}

/* How much of a packet is taken: never what a client proves itself with. */
static __always_inline __u32 wanted(__u32 command, __u32 size)
{
	if (has_text(command))
		return size;
	switch (command) {
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

	if (has_text(command)) {
		bpf_probe_read_user(member, sizeof(member), (void *)packet->data);
		packet->from = member[0];
		packet->size = (__u32)member[1];
		return;
	}
	switch (command) {
	case COM_STMT_EXECUTE:
	case COM_STMT_CLOSE:
	case COM_STMT_RESET:
	case COM_STMT_FETCH:
		packet->from = packet->data; /* the statement's id comes first */
		packet->size = STATEMENT_ID;
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

#endif
