/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The records of shell_history_live. Layout rules as in event.h; the reader's is in tables/shell_history_live/records.ts. */
#ifndef LIVE_AUDIT_SHELL_H
#define LIVE_AUDIT_SHELL_H

#include "event.h"

/* What happened to a shell, in the order in which it happens. */
enum shell_record {
	SHELL_CONTEXT = 1,  /* shell_context: the first line of a command was typed */
	SHELL_LINE = 2,     /* text: a line as typed, without its newline */
	SHELL_EXPANDED = 3, /* text: the line after history expansion, only where it is another one */
	SHELL_REJECTED = 4, /* shell_status: history expansion failed or only printed the line;
			     FLAG_LAST: it was the only one, so the command is over */
	SHELL_END = 5,      /* shell_status: the shell asks for the next command; status is $?;
			     FLAG_LATE: it was over before, nobody knows when */
	SHELL_EXEC = 6,     /* shell_status: another program replaced the shell; status unknown */
	SHELL_EXIT = 7,     /* shell_status: the shell is gone; status is the kernel's wait status */
	SHELL_FILTERED = 8, /* shell_status: it is over, and the config wants none that ends so */
	SHELL_INPUT = 9,    /* text: a line as it was read, with its newline */
	SHELL_META_LINE = 10,     /* text: a line as zsh holds it: metafied, with its newline */
	SHELL_META_EXPANDED = 11, /* text: the whole command after history expansion, likewise */
	SHELL_WIDE_LINE = 12,     /* text: the whole command as fish holds it: in UTF-32 */
};

/* Where a command came from. */
enum shell_source {
	SOURCE_PROMPT = 0,
	SOURCE_COMMAND_STRING = 1, /* -c */
	SOURCE_SCRIPT = 2,
	SOURCE_STDIN = 3,
};

/* Which probe of bash, by function; the index into target.probe_vaddr. */
enum shell_probe {
	PROBE_READ_COMMAND = 0,
	PROBE_READ_COMMAND_RETURN = 1,
	PROBE_READLINE = 2,
	PROBE_READLINE_RETURN = 3,
	PROBE_PRE_PROCESS_LINE = 4,
	PROBE_PRE_PROCESS_LINE_RETURN = 5,
	PROBE_NOTIFY_AND_CLEANUP = 6,
	PROBE_PARSE_AND_EXECUTE = 7,
	PROBE_READ_SECONDARY_LINE = 8,
	PROBE_READ_SECONDARY_LINE_RETURN = 9,
};

/* Globals of bash; the index into target.symbol_vaddr. */
enum bash_symbol {
	BASH_LAST_COMMAND_EXIT_VALUE = 0, /* int: $? */
	BASH_PARSE_AND_EXECUTE_LEVEL = 1, /* int: depth of eval, source, traps, PROMPT_COMMAND */
	BASH_INTERACTIVE = 2,             /* int: commands are read from a user */
	BASH_GLOBAL_COMMAND = 3,          /* pointer: what read_command parsed; NULL: nothing to run */
	BASH_SHELL_INPUT_LINE = 4,        /* char *: the line that the parser reads, with its newline */
	BASH_INPUT_SOURCE = 5,            /* BASH_INPUT: where it reads from */
	BASH_NOTIFICATIONS = 6,           /* no address: calls of notify_and_cleanup before a prompt's first line */
};

/* Which probe of zsh, by function. */
enum zsh_probe {
	ZSH_PROBE_PREPROMPT = 0,
	ZSH_PROBE_ZLEENTRY = 1,
	ZSH_PROBE_ZLEENTRY_RETURN = 2,
	ZSH_PROBE_HEND = 3,
	ZSH_PROBE_HEND_RETURN = 4,
	ZSH_PROBE_EXECSTRING = 5,
	ZSH_PROBE_HBEGIN = 6,
	ZSH_PROBE_SHINGETLINE_RETURN = 7,
};

/* Globals of zsh. */
enum zsh_symbol {
	ZSH_LASTVAL = 0,     /* zlong: $? */
	ZSH_STRIN = 1,       /* int: depth of parsing from a string: eval, -c, traps */
	ZSH_SOURCELEVEL = 2, /* int: depth of sourced files */
	ZSH_CHLINE = 3,      /* char *: the command as it is read, history expanded; NULL: none is kept */
	ZSH_HPTR = 4,        /* char *: the end of that */
	ZSH_HISTDONE = 5,    /* int: HISTFLAG_… */
	ZSH_SHIN = 6,        /* int: the descriptor that commands are read from */
};

/* Which probe of dash: its call of read() for a buffer; of busybox: that of the line editor. */
enum sh_probe {
	SH_PROBE_READ = 0,
	SH_PROBE_READ_DONE = 1, /* the instruction behind the call */
};

/* What differs by build of sh. */
enum sh_symbol {
	SH_READS_BY = 0, /* no address: one of these */
};
#define SH_READ 1        /* read(fd, buffer, size) */
#define SH_LINE_EDITOR 2 /* read_line_input(state, prompt, buffer, size) */

/* Which probe of fish, by what happens there. */
enum fish_probe {
	FISH_PROBE_PREEXEC = 0,
	FISH_PROBE_EVALUATED = 1,
	FISH_PROBE_POSTEXEC = 2,
};

/* What differs by build of fish. */
enum fish_symbol {
	FISH_WRITTEN_IN = 0, /* no address: one of these */
	FISH_STATUS = 1,     /* no address: 1 where fish_evaluated tells $status */
};
#define FISH_CXX 1  /* fish 3 */
#define FISH_RUST 2 /* fish 4 */

/* A status that could not be read, because this build lacks the symbol: no exit code is that. */
#define STATUS_UNKNOWN (-2147483647 - 1)

#define TTY_NAME 64
#define CWD_MAX 4096
#define CWD_DEPTH 64

struct shell_context {
	struct record_header header;
	__u32 parent; /* tgid of the parent */
	__u32 uid;    /* kuid: as the initial user namespace has it */
	__u32 euid;
	__u32 gid;
	__u32 auid;      /* audit login uid; 4294967295: never logged in */
	__u32 sessionid; /* audit session; 4294967295: none */
	__u32 pid_namespace; /* inode number */
	__u32 cwd_size;      /* bytes used of cwd */
	__u64 cgroup_id;     /* of the unified hierarchy */
	__u64 leader_start;  /* when the session leader began, CLOCK_BOOTTIME, ns: tells one use of its pid
			      from the next */
	__u32 leader;        /* tgid of the session leader: what getsid() gives */
	__u32 source;        /* enum shell_source */
	__u32 cwd_whole;     /* 1: cwd reaches the process's root */
	__u32 reserved;
	char tty[TTY_NAME]; /* as the kernel names it: pts0, tty1; empty: no terminal */
	char cwd[CWD_MAX];  /* names from the leaf up to the root, each ended by a NUL; the record ends
			   behind cwd_size bytes of it */
};
_Static_assert(sizeof(struct shell_context) == 24 + 64 + 64 + 4096, "shell_context");

struct shell_status {
	struct record_header header;
	__s32 status;
	__u32 reserved;
	__u64 started; /* when it began to run, CLOCK_BOOTTIME, ns; 0: it did not, or before the attach */
};
_Static_assert(sizeof(struct shell_status) == 40, "shell_status");

/* What the config keeps or drops: the one entry of the map `shell_filter`. */
#define FILTER_VALUES 32

enum filter_mode {
	FILTER_NONE = 0,
	FILTER_KEEP = 1, /* only these */
	FILTER_DROP = 2, /* all but these */
};

struct filter_list {
	__u32 mode; /* enum filter_mode */
	__u32 reserved;
	__u32 values[FILTER_VALUES]; /* all of them: where there are fewer, one of them again */
};

/* The same of cgroups, each with all that are below it; an id that is 0 is of no cgroup. */
struct cgroup_list {
	__u32 mode; /* enum filter_mode */
	__u32 reserved;
	__u64 values[FILTER_VALUES];
};

struct shell_filter {
	__u32 sources; /* bit 1 << enum shell_source: captured; 0: nobody said, prompts only */
	__u32 reserved;
	struct filter_list pid;
	struct filter_list uid;
	struct filter_list auid;
	struct filter_list exit_code;
	struct cgroup_list cgroup;
};
_Static_assert(sizeof(struct shell_filter) == 8 + 4 * (8 + 4 * FILTER_VALUES) + 8 + 8 * FILTER_VALUES, "shell_filter");

#endif
