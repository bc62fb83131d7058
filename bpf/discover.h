/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What the exec hook reports; the reader is tables/collector/discovery-hook.ts. Layout rules as in event.h. */
#ifndef LIVE_AUDIT_DISCOVER_H
#define LIVE_AUDIT_DISCOVER_H

/*
 * A program file as the kernel knows it: the inode that its code is mapped from, which is what uprobes go
 * by. Size and mtime tell a file that was overwritten in place from what it was.
 */
struct program_key {
	__u64 ino;
	__u64 size;       /* bytes */
	__s64 mtime;      /* ns */
	__u32 dev;        /* major << 20 | minor */
	__u32 generation; /* tells one use of an inode number from the next */
};
_Static_assert(sizeof(struct program_key) == 32, "program_key");

#define PROGRAM_PATH 256

struct program_record {
	struct program_key key;
	__u32 tgid;      /* in the initial pid namespace */
	__u32 path_size; /* bytes of path without its NUL; 0: not known */
	char path[PROGRAM_PATH]; /* as exec was told: it may be relative, or of another mount namespace */
};
_Static_assert(sizeof(struct program_record) == 40 + PROGRAM_PATH, "program_record");

#endif
