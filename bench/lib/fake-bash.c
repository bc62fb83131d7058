// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * A load generator that capture takes for bash: the functions and globals that
 * tables/shell_history_live/targets.ts names, called in the order of bash's reader_loop (bpf/shell.bpf.c),
 * with nothing in between. A real bash parses, forks and prompts, and gives a few thousand commands a second.
 *
 *   fake-bash RATE SECONDS      RATE in commands/s, 0: as fast as it goes
 *
 * Waits for a line on its stdin, so that the probes can be attached; then types commands of 200 bytes, each
 * with its number, and at the end says: commands, wall time in ns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE 200
#define DIGITS 12
#define NS 1000000000LL
/* Commands are typed in batches, one a millisecond. */
#define BATCH_NS 1000000LL
/* Exit codes go round, so that each says which command it belongs to. */
#define EXIT_CODES 251

/* bash's functions begin with a push; a nop is as cheap to probe, and a compiler is not free to move it. */
#define PROBED __attribute__((noinline, noclone, patchable_function_entry(1)))

int last_command_exit_value;
int parse_and_execute_level;
int interactive = 1;
void *global_command;

static char line[LINE + 1];
static long long number;
static int end_of_input;

PROBED int parse_and_execute(char *string, const char *from_file, int flags)
{
	__asm__ volatile("" : : "r"(string), "r"(from_file), "r"(flags) : "memory");
	return 0;
}

PROBED char *readline(const char *prompt)
{
	long long rest = number;
	int i;

	__asm__ volatile("" : : "r"(prompt) : "memory");
	if (end_of_input)
		return NULL;
	for (i = DIGITS - 1; i >= 0; i--, rest /= 10)
		line[2 + i] = '0' + rest % 10;
	return line;
}

PROBED char *pre_process_line(char *typed, int print_changes, int addit)
{
	__asm__ volatile("" : "+r"(typed) : "r"(print_changes), "r"(addit) : "memory");
	return typed;
}

PROBED int read_command(void)
{
	char *typed = readline("$ ");

	global_command = typed ? pre_process_line(typed, 1, 1) : NULL;
	return typed ? 0 : 1;
}

static void run_commands(long long until)
{
	while (number < until && read_command() == 0) {
		last_command_exit_value = (int)(number % EXIT_CODES);
		number++;
	}
}

static long long now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * NS + at.tv_nsec;
}

static void sleep_until(long long at)
{
	struct timespec when = { .tv_sec = at / NS, .tv_nsec = at % NS };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

int main(int argc, char **argv)
{
	double rate = argc > 1 ? atof(argv[1]) : 0;
	long long length = argc > 2 ? (long long)(atof(argv[2]) * NS) : NS;
	long long begin, at;

	memset(line, 'x', LINE);
	memcpy(line, "# ", 2);
	line[2 + DIGITS] = ' ';
	if (getchar() == EOF)
		return 2;
	begin = now();
	/* What a late wake-up left undone is made up for in the next batch: the rate is kept as a whole. */
	while ((at = now()) - begin < length) {
		if (rate > 0) {
			run_commands((long long)((at - begin) * (rate / NS)));
			sleep_until(at + BATCH_NS);
		} else
			run_commands(number + 1000);
	}
	if (rate > 0)
		run_commands((long long)(length * (rate / NS)));
	at = now();
	end_of_input = 1;
	read_command(); /* its entry is the end of the last command */
	printf("%lld %lld\n", number, at - begin);
	return 0;
}
