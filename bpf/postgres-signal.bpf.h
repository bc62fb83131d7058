/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Backends that are killed. */
#ifndef LIVE_AUDIT_POSTGRES_SIGNAL_BPF_H
#define LIVE_AUDIT_POSTGRES_SIGNAL_BPF_H

#include "postgres-statement.bpf.h"

/* A signal came while the backend was at something. */
static __noinline int dying(struct backend *backend, struct place *place, int signal)
{
	struct postgres_statement *record;
	struct scratch *slot;

	if (!backend || !place || !place->target || (!place->text && !backend->in_function))
		return 0;
	if (replicates(backend, place))
		return 0;
	slot = claim_scratch();
	if (!slot)
		return 0;
	record = begin_statement(slot, backend, place);
	record->outcome = OUTCOME_SIGNAL;
	record->signal = signal;
	if (backend->in_function) {
		record->protocol = PROTOCOL_FASTPATH;
		record->function = backend->function;
	} else {
		record->protocol = protocol_of(backend, place);
		add_portal(record, backend);
		add_text(record, backend, place);
	}
	if (send_statement(record, backend, place, POSTGRES_DYING) == 0)
		backend->dying = true;
	else
		count(COUNTER_RECORDS_LOST);
	release_scratch(slot);
	return 0;
}

/* The process is gone: what it was at when the signal came ended with it. */
static __always_inline void gone(struct backend *backend, int status)
{
	struct postgres_statement *record;
	struct place place = {};
	struct scratch *slot;

	if (!begin_tracepoint(&place, backend))
		return;
	if (!backend->dying) {
		if (backend->part)
			flush(backend, &place);
		return;
	}
	count(COUNTER_SEEN);
	slot = claim_scratch();
	if (!slot) {
		count_lost_statement();
		return;
	}
	record = begin_statement(slot, backend, &place);
	record->outcome = OUTCOME_SIGNAL;
	record->signal = status;
	if (send_statement(record, backend, &place, POSTGRES_EXIT) < 0)
		count_lost_statement();
	release_scratch(slot);
	backend->dying = false;
}

/* Those that end a server process, or that its handler ends it for (SIGQUIT: another one crashed). */
static __always_inline bool is_fatal(int signal)
{
	return signal == 3 || signal == 4 || signal == 6 || signal == 7 || signal == 9 || signal == 11;
}

/*
 * signal_deliver(int sig, …): in the process itself, while its memory is still there. What it is at is sent
 * now, and becomes a row if the process does end of it.
 */
SEC("raw_tp/signal_deliver")
int postgres_signal(struct bpf_raw_tracepoint_args *ctx)
{
	int signal = (int)ctx->args[0];
	struct place place = {};
	struct backend *backend;

	if (!is_fatal(signal))
		return 0;
	backend = known_backend();
	if (!backend)
		return 0;
	if (!begin_tracepoint(&place, backend))
		return 0;
	place_of(backend, &place);
	dying(backend, &place, signal);
	return 0;
}

/* sched_process_exit(task, …): per thread; a backend has one. */
SEC("raw_tp/sched_process_exit")
int postgres_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();
	struct backend *backend;

	if ((__u32)id != id >> 32)
		return 0;
	backend = known_backend();
	if (backend)
		gone(backend, BPF_CORE_READ(task, exit_code));
	return 0;
}

#endif
