/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The records of postgres_queries. Layout rules as in event.h; the reader's is in tables/postgres_queries/records.ts. */
#ifndef LIVE_AUDIT_POSTGRES_H
#define LIVE_AUDIT_POSTGRES_H

#include "event.h"

/* What a backend tells. Texts come before the statement that they belong to. */
enum postgres_record {
	POSTGRES_IDENTITY = 1,   /* postgres_identity: who is connected; again when it changes */
	POSTGRES_TEXT = 2,       /* text: a query that is too long for its statement record */
	POSTGRES_ERROR = 3,      /* text: the message of the error that ended the statement */
	POSTGRES_STATEMENT = 4,  /* postgres_statement: it is over, and a row */
	POSTGRES_PART = 5,       /* postgres_statement: one of several in a query string; more of them come */
	POSTGRES_DYING = 6,      /* postgres_statement: a signal came that may end the process */
	POSTGRES_EXIT = 7,       /* postgres_statement: it ended the process; no text */
	POSTGRES_PARAMETERS = 8, /* text: a whole Bind message as the client sent it */
	POSTGRES_TYPES = 9,      /* postgres_types: of those parameters */
};

/* Which probe of a target, by function; the index into target.probe_vaddr. */
enum postgres_probe {
	PG_END_COMMAND = 0,
	PG_NULL_COMMAND = 1,
	PG_EMIT_ERROR_REPORT = 2,
	PG_BEGIN_REPORTING_GUC = 3,
	PG_BEGIN_IMPLICIT_BLOCK = 4,
	PG_END_IMPLICIT_BLOCK = 5,
	PG_CHECK_LOG_DURATION = 6,
	PG_PORTAL_SUSPENDED = 7,
	PG_EXECUTE = 8,
	PG_FUNCTION_REQUEST = 9,
	PG_FUNCTION_REQUEST_RETURN = 10,
	PG_BIND_MESSAGE = 11,
	PG_BIND_TYPES = 12,
	PG_BIND_PORTAL = 13,
	PG_REPORT_APPNAME = 14,
	PG_PROCESS_UTILITY = 15,
};

/* Globals of the server, and numbers that differ by version; the index into target.symbol_vaddr. */
enum postgres_symbol {
	PGS_DEBUG_QUERY_STRING = 0,    /* const char *: what the backend is at */
	PGS_MY_PROC_PORT = 1,          /* struct Port *: NULL where there is no client */
	PGS_APPLICATION_NAME = 2,      /* char * */
	PGS_STATEMENT_START = 3,       /* TimestampTz stmtStartTimestamp: µs since 2000 */
	PGS_ERRORDATA_DEPTH = 4,       /* int errordata_stack_depth */
	PGS_ERRORDATA = 5,             /* ErrorData errordata[5] */
	PGS_ERRORDATA_SIZE = 6,        /* a number: sizeof(ErrorData) */
	PGS_AM_WALSENDER = 7,          /* bool */
	PGS_MESSAGE_CONTEXT = 8,       /* MemoryContext: of the client's message */
	PGS_VERSION = 9,               /* a number: the major version */
	PGS_END_COMMAND_DEST = 10,     /* a number: what the probed instruction's second argument lacks, plus 1 */
	PGS_PORTALS = 11,              /* HTAB *PortalHashTable */
	PGS_ACTIVE_PORTAL = 12,        /* Portal */
};

/* How the client asked: CommandDest of EndCommand tells it (tcop/dest.h, the same from 10 to 18). */
enum postgres_protocol {
	PROTOCOL_UNKNOWN = 0,
	PROTOCOL_SIMPLE = 1,   /* DestRemote */
	PROTOCOL_EXTENDED = 2, /* DestRemoteExecute */
	PROTOCOL_FASTPATH = 3,
};

enum postgres_outcome {
	OUTCOME_DONE = 1,      /* with a command tag */
	OUTCOME_EMPTY = 2,     /* nothing but white space and comments */
	OUTCOME_SUSPENDED = 3, /* the portal's row limit was reached: another Execute may go on */
	OUTCOME_FAILED = 4,    /* with an error */
	OUTCOME_SIGNAL = 5,    /* the process was killed */
};

/* What else of a statement is known. */
enum postgres_known {
	KNOWN_TAG_TEXT = 1 << 0,  /* tag_text, ended by a NUL: servers up to 12 give the tag so */
	KNOWN_TAG = 1 << 1,       /* tag and rows */
	KNOWN_NAME = 1 << 2,      /* name: of a prepared statement, ended by a NUL */
	KNOWN_UNNAMED = 1 << 3,   /* it has none */
	KNOWN_TEXT = 1 << 4,      /* the server had a text: in this record, or in POSTGRES_TEXT before it */
	KNOWN_INLINE = 1 << 5,    /* it is in this record */
	KNOWN_WALSENDER = 1 << 6, /* of a replication connection */
};

#define PG_NAME 64      /* NAMEDATALEN */
#define PG_TITLE 256
#define PG_PLACE 8      /* what comes behind a name begins at a multiple of it */
#define PG_INLINE 4096  /* a text up to this length, its NUL included, comes in the statement record */
#define PG_MAX_TYPES 256

struct postgres_statement {
	struct record_header header; /* time: when it was over */
	__u64 start;    /* µs since 2000-01-01 by the wall clock; 0: not known */
	__u64 rows;
	__u64 portal;   /* its address: of what Execute ran; 0: not known, or none */
	__u32 tag;      /* enum CommandTag of that server */
	__u32 sqlstate; /* MAKE_SQLSTATE: 6 bits a character */
	__u32 signal;   /* DYING: its number; EXIT: the kernel's wait status */
	__u32 function; /* fastpath: oid of the function */
	__u32 size;     /* bytes of the text in this record */
	__u32 known;    /* enum postgres_known */
	__u8 protocol;
	__u8 outcome;
	__u8 tag_size;  /* bytes that tag_text takes; a multiple of PG_PLACE, up to PG_NAME; 0: there is none */
	__u8 name_size; /* of name, likewise */
	__u32 reserved;
	char bytes[2 * PG_NAME + PG_INLINE]; /* tag_text, name and text: each begins where the one before ends */
};
_Static_assert(sizeof(struct postgres_statement) == 24 + 24 + 32 + 2 * 64 + 4096, "postgres_statement");

/* What of a connection is known. */
enum postgres_identity_known {
	IDENTITY_PORT = 1 << 0, /* user, database, family, port, address */
	IDENTITY_APPLICATION = 1 << 1,
};

struct postgres_identity {
	struct record_header header;
	__u64 started;   /* of the process, CLOCK_BOOTTIME, ns */
	__u64 cgroup_id; /* of the unified hierarchy */
	__u32 parent;    /* the postmaster */
	__u32 uid;       /* kuid of the server */
	__u16 family;    /* AF_*; 0: not known */
	__u16 port;      /* of the client, as in the sockaddr: big endian */
	__u32 known;     /* enum postgres_identity_known */
	__u8 address[16]; /* IPv4 in the first 4 */
	char user[PG_NAME];
	char database[PG_NAME];
	char application[PG_NAME];
	char title[PG_TITLE]; /* of the process */
};
_Static_assert(sizeof(struct postgres_identity) == 24 + 32 + 16 + 3 * 64 + 256, "postgres_identity");

struct postgres_types {
	struct record_header header;
	__u64 portal;  /* as in postgres_statement */
	__u32 count;   /* of the types here: the first PG_MAX_TYPES parameters have one */
	__u32 reserved;
	__u32 oid[PG_MAX_TYPES];
};
_Static_assert(sizeof(struct postgres_types) == 24 + 16 + 4 * 256, "postgres_types");

#endif
