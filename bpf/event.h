/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The records that BPF programs put into the ring buffer, shared by all tables. Little endian, naturally
 * aligned, no implicit padding. native/events.ts holds the same layout for the reader;
 * `npm run check` compares the two (test/unit/event-layout.test.ts, from the objects' own BTF).
 */
#ifndef LIVE_AUDIT_EVENT_H
#define LIVE_AUDIT_EVENT_H

/* First member of every record. */
struct record_header {
	__u8 type;    /* enum shell_record …: one number space per ring */
	__u8 probe;   /* which probe of the target emitted it; PROBE_NONE: none of them */
	__u16 flags;  /* enum record_flag */
	__u32 target; /* index into the map `targets`: which binary the probe sits in */
	__u64 time;   /* CLOCK_BOOTTIME, ns */
	__u32 tgid;   /* in the initial pid namespace */
	__u32 seq;    /* counts the records of one process, lost ones included: a gap is a lost record */
};
_Static_assert(sizeof(struct record_header) == 24, "record_header");

/* A record of a tracepoint, which belongs to no target: its loss is counted in `counters` alone. */
#define PROBE_NONE 255

enum record_flag {
	FLAG_LAST = 1 << 0,        /* the last chunk of a text */
	FLAG_READ_FAILED = 1 << 1, /* the process's memory could not be read: `total` is not its length */
	FLAG_TEXT_CUT = 1 << 2,    /* the text goes on; `total` is its length */
	FLAG_LATE = 1 << 3,        /* its begin was before the attach: no START will come */
};

/* One chunk of a text. `size` bytes are valid; chunks of one text follow each other. */
#define TEXT_SMALL 256
#define TEXT_CHUNK 65536
/* 17 chunks of 65535 bytes hold a whole text of 1 MiB; beyond it only the length is measured. */
#define TEXT_MAX_CHUNKS 17
#define TEXT_MEASURE_CHUNKS 240
#define TEXT_MEASURE_ROUNDS 72

struct text_record {
	struct record_header header;
	__u32 size;  /* bytes in this chunk, without a NUL */
	__u32 total; /* on FLAG_LAST: length of the whole text, bytes */
	char text[];
};
_Static_assert(sizeof(struct text_record) == 32, "text_record");

/* Why an event could not be handed over; the index into the map `counters`. */
enum counter {
	COUNTER_SEEN = 0,         /* events begun */
	COUNTER_LOST_RESERVE = 1, /* events: no room in the ring buffer */
	COUNTER_LOST_STATE = 2,   /* events: no room in the map of processes */
	COUNTER_RECORDS_LOST = 3, /* records of an event already begun: no room in the ring buffer */
	COUNTER_READ_FAILED = 4,  /* texts: the process's memory could not be read */
	COUNTER_FILTERED = 5,     /* events: begun, and then not wanted by the config */
	COUNTERS = 6,
};

/*
 * A binary with probes. Link-time addresses: at run time an entry probe learns the load bias from its own
 * instruction pointer. What stands after them is for the next collector, which takes over a pinned map and
 * knows from it what is attached.
 */
#define TARGET_PROBES 16
#define TARGET_SYMBOLS 16
#define MAX_TARGETS 256
#define TARGET_PROGRAM 16
#define TARGET_BUILD_ID 48
#define TARGET_PATH 512

struct target {
	__u64 probe_vaddr[TARGET_PROBES];   /* of the probed instruction; 0: the binary has no such function */
	__u64 symbol_vaddr[TARGET_SYMBOLS]; /* of a global variable; 0: the binary does not have it */
	__u64 probe_offset[TARGET_PROBES];  /* of the probed instruction in the file */
	__u32 in_use;
	__u32 places; /* tells what the config said of its symbols; 0: nothing */
	char program[TARGET_PROGRAM];   /* which kind it is: bash */
	char build_id[TARGET_BUILD_ID]; /* hex; empty: none */
	char inode[64];                 /* device and inode as the collector writes them */
	char path[TARGET_PATH];         /* how the collector opened it */
	char name[TARGET_PATH];         /* what it is called */
};
_Static_assert(sizeof(struct target) == 3 * 128 + 8 + 16 + 48 + 64 + 1024, "target");

/* Per CPU and (target, probe): how often a probe fired, when it did last, and what it could not hand over. */
struct probe_stats {
	__u64 hits;
	__u64 last; /* CLOCK_BOOTTIME, ns */
	__u64 lost; /* records: no room in the ring buffer */
};
_Static_assert(sizeof(struct probe_stats) == 24, "probe_stats");

/* A uprobe's cookie: target in the upper half, probe in the lower. */
#define COOKIE_TARGET(cookie) ((__u32)((cookie) >> 32))
#define COOKIE_PROBE(cookie) ((__u32)(cookie))

#endif
