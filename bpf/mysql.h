/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The records of mysql_queries. Layout rules as in event.h; the reader's is in tables/mysql_queries/records.ts. */
#ifndef LIVE_AUDIT_MYSQL_H
#define LIVE_AUDIT_MYSQL_H

#include "event.h"

/* A connection is named by its THD, never by a thread: servers pool threads. */
enum mysql_record {
	MYSQL_IDENTITY = 1,  /* mysql_identity: who a connection is; before its first statement and after each
			      change */
	MYSQL_PACKET = 2,    /* text_record: a chunk of a packet that is too long for the statement's record;
			      header.seq is the statement's number */
	MYSQL_ERROR = 3,     /* mysql_error: an error packet goes to the client */
	MYSQL_STATEMENT = 4, /* mysql_statement: a command is over, or one statement of several in a command */
	MYSQL_LONG_DATA = 5, /* mysql_long_data: a piece of a parameter follows as MYSQL_PACKET */
	MYSQL_END = 6,       /* mysql_connection: the client said goodbye */
};

/* Which probe of a target, by function; the index into target.probe_vaddr. */
enum mysql_probe {
	MYSQL_PROBE_DISPATCH = 0,
	MYSQL_PROBE_DISPATCH_RETURN = 1,
	MYSQL_PROBE_PARSE = 2,
	MYSQL_PROBE_SEND_OK = 3,
	MYSQL_PROBE_SEND_ERROR = 4,
	MYSQL_PROBE_CHANGE_DB = 5,
	MYSQL_PROBE_SEND_OK_10_2 = 6,    /* MariaDB 10.2's, where it is another function */
	MYSQL_PROBE_SEND_ERROR_10_2 = 7,
	MYSQL_PROBE_EXECUTE = 8, /* these three only where parameters are asked for */
	MYSQL_PROBE_BULK_EXECUTE = 9,
	MYSQL_PROBE_LONG_DATA = 10,
	MYSQL_PROBE_PARSE_10_2 = 11, /* MariaDB 10.2's again */
	MYSQL_PROBE_CHANGE_DB_10_2 = 12,
	MYSQL_PROBE_CHANGE_DB_5_7 = 13, /* MySQL 5.7's */
};

/*
 * The index into target.symbol_vaddr. The first is a global variable; the others are what the code of small
 * functions of the server tells of its structures (tables/mysql_queries/offsets.ts): 1 + the offset, so that
 * 0 stands for "not known".
 */
enum mysql_symbol {
	MYSQL_SERVER_VERSION = 0,    /* char[]: server_version */
	MYSQL_THD_ID = 1,            /* of the connection id in THD, 4 bytes at least */
	MYSQL_THD_ROWS = 2,          /* of the count of sent rows in THD, u64 */
	MYSQL_THD_CONTEXT = 3,       /* of the security context in THD; with CONTEXT_IS_POINTER of a pointer to it */
	MYSQL_CONTEXT_USER = 4,      /* of the pointer to the user's name in the context */
	MYSQL_CONTEXT_HOST = 5,      /* … to the host's name */
	MYSQL_CONTEXT_IP = 6,        /* … to the address */
	MYSQL_THD_DB = 7,            /* of the pointer to the database's name in THD, its length behind it */
	MYSQL_THD_STATEMENTS = 8,    /* of the number of the last prepared statement in THD, u64 */
	MYSQL_DATA_VALUES = 9,       /* parameters in COM_DATA: enum data_values */
	MYSQL_THD_QUERY = 10,        /* of the pointer to the text of the statement that runs, its length behind it */
};

#define CONTEXT_IS_POINTER (1ULL << 32)

enum data_values {
	DATA_VALUES_UNKNOWN = 0,
	DATA_VALUES_BARE = 1,   /* MySQL 5.7: the packet from its NULL bitmap on */
	DATA_VALUES_PARSED = 2, /* from 8.0 on: a ps_param each */
};

/* enum enum_server_command, the same in all of MySQL and MariaDB (include/mysql_com.h, my_command.h). */
enum mysql_command {
	COM_QUIT = 1,
	COM_INIT_DB = 2,
	COM_QUERY = 3,
	COM_FIELD_LIST = 4,
	COM_CREATE_DB = 5,
	COM_DROP_DB = 6,
	COM_REFRESH = 7,
	COM_SHUTDOWN = 8,
	COM_STATISTICS = 9,
	COM_PROCESS_INFO = 10,
	COM_PROCESS_KILL = 12,
	COM_DEBUG = 13,
	COM_PING = 14,
	COM_CHANGE_USER = 17,
	COM_STMT_PREPARE = 22,
	COM_STMT_EXECUTE = 23,
	COM_STMT_SEND_LONG_DATA = 24,
	COM_STMT_CLOSE = 25,
	COM_STMT_RESET = 26,
	COM_SET_OPTION = 27,
	COM_STMT_FETCH = 28,
	COM_RESET_CONNECTION = 31,
	COM_STMT_BULK_EXECUTE = 250, /* MariaDB */
	COM_MULTI = 254,             /* MariaDB 10.2: several commands in one packet */
};

/* Which members of a statement hold: the server's build may not let us know all. */
enum mysql_known {
	KNOWN_ROWS_SENT = 1 << 0,
	KNOWN_ROWS_AFFECTED = 1 << 1,
	KNOWN_CONNECTION = 1 << 2,
	KNOWN_STATEMENT_ID = 1 << 3,
	KNOWN_RETURN_CODE = 1 << 4, /* the command returned: without it the thread ended in its midst */
	KNOWN_ERROR = 1 << 5,       /* error_code: the probe that would have seen an error is there */
	KNOWN_BARE_VALUES = 1 << 6, /* the execution's packet begins at its NULL bitmap */
	KNOWN_PARSED_VALUES = 1 << 7, /* it is an array of ps_param, the bytes of the values are packet part_from */
};

/* What the config says, and which collector it is: the one entry of the map `mysql_settings`. */
struct mysql_settings {
	__u32 all_commands; /* 1: ping, quit and statistics are rows, too */
	__u32 parameters;   /* 1: the values of executions are wanted; where a probe of its own sees them, it is not
			       looked at */
	__u32 generation;   /* of the collector: one that is new must be told who the connections are */
};
_Static_assert(sizeof(struct mysql_settings) == 12, "mysql_settings");

#define MYSQL_TEXT 1024 /* of the packet, in the statement's own record */
#define MYSQL_USER 136  /* 128 characters in MariaDB, 32 in MySQL; bytes, with a NUL */
#define MYSQL_HOST 256
#define MYSQL_DB 200 /* 64 characters of at most 3 bytes */
#define MYSQL_VERSION 64
#define MYSQL_MESSAGE 512 /* MYSQL_ERRMSG_SIZE */
#define MYSQL_SQLSTATE 8  /* 5 characters */

struct mysql_identity {
	struct record_header header;
	__u64 thd;
	__u64 identity; /* names this record: when it was made, CLOCK_BOOTTIME ns */
	__u64 server; /* when the server process began, CLOCK_BOOTTIME ns */
	__u64 connection_id;
	__u16 has_user; /* 1: the pointer to it was found; an empty text is one too */
	__u16 has_host;
	__u16 has_db; /* 2: there is none */
	__u16 has_version;
	char user[MYSQL_USER]; /* texts end with a NUL */
	char host[MYSQL_HOST];
	char db[MYSQL_DB];
	char version[MYSQL_VERSION];
};
_Static_assert(sizeof(struct mysql_identity) == 24 + 40 + 136 + 256 + 200 + 64, "mysql_identity");

struct mysql_error {
	struct record_header header;
	__u64 thd;
	__u32 error_code;
	__u32 reserved;
	char sqlstate[MYSQL_SQLSTATE];
	char message[MYSQL_MESSAGE]; /* ends with a NUL */
};
_Static_assert(sizeof(struct mysql_error) == 24 + 24 + 512, "mysql_error");

struct mysql_connection {
	struct record_header header;
	__u64 thd;
};
_Static_assert(sizeof(struct mysql_connection) == 32, "mysql_connection");

/* A piece of a parameter; the packet of number header.seq follows. */
struct mysql_long_data {
	struct record_header header;
	__u64 thd;
	__u32 is_bare; /* 0: the packet begins with the two that follow (4 and 2 bytes) */
	__u32 statement_id;
	__u32 parameter;
	__u32 reserved;
};
_Static_assert(sizeof(struct mysql_long_data) == 48, "mysql_long_data");

/* struct PS_PARAM, MySQL 8.0 and later (include/mysql/com_data.h). */
struct ps_param {
	__u8 null_bit;
	__u8 padding[3];
	__u32 type; /* enum enum_field_types */
	__u64 is_unsigned; /* a bool, 7 bytes that say nothing */
	__u64 value;
	__u64 length;
	__u64 name; /* of query attributes */
	__u64 name_length;
};
_Static_assert(sizeof(struct ps_param) == 48, "ps_param");

/* header.time is its end; header.seq its number where MYSQL_PACKET records go before it, else 0. */
struct mysql_statement {
	struct record_header header;
	__u64 thd;
	__u64 identity; /* of the mysql_identity that holds for it; 0: none */
	__u64 started;  /* CLOCK_BOOTTIME, ns */
	__u64 connection_id;
	__u64 rows_sent;
	__u64 rows_affected;
	__u32 tid;
	__s32 return_code;  /* of dispatch_command */
	__u32 error_code;   /* 0: none */
	__u32 statement_id; /* that COM_STMT_PREPARE gave */
	__u32 packet_size;  /* bytes of the packet behind the command's byte */
	__u32 text_size;    /* bytes of it in `text` */
	__u32 part_from;    /* of several statements in one packet: where this one begins and ends, bytes */
	__u32 part_to;      /* from the first one's begin; 0: the packet's end */
	__u16 known;        /* enum mysql_known */
	__u8 command;
	__u8 more; /* 1: other statements of the packet follow */
	__u32 reserved;
	char text[MYSQL_TEXT]; /* the record ends behind text_size bytes of it */
};
_Static_assert(__builtin_offsetof(struct mysql_statement, text) == 24 + 48 + 32 + 8, "mysql_statement");
_Static_assert(sizeof(struct mysql_statement) == 112 + MYSQL_TEXT, "mysql_statement");

#endif
