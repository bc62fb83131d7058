/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The ring buffer, the counters and the only functions that put anything into it. Every failure is
 * counted here, by reason; nothing is dropped in silence.
 *
 * Since kernel 6.0 a uprobe program can be preempted, so per-CPU scratch memory would be shared with whoever
 * comes next. Small records are put together on the stack, long texts in the ring itself, and records of
 * middle size in a scratch slot that a program claims for itself.
 */
#ifndef LIVE_AUDIT_EMIT_BPF_H
#define LIVE_AUDIT_EMIT_BPF_H

#include "event.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024); /* the loader sets the configured size */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct target);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_TARGETS *TARGET_PROBES);
	__type(key, __u32);
	__type(value, struct probe_stats);
} stats SEC(".maps");

/*
 * Atomic although the slot is this CPU's: a preempted program may share it with the next one.
 */
static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/* Count a hit of the probe with this cookie, and look its target up. */
static __always_inline struct target *probe_target_at(__u64 cookie, __u64 now)
{
	__u32 target = COOKIE_TARGET(cookie);
	__u32 slot = target * TARGET_PROBES + COOKIE_PROBE(cookie);
	struct probe_stats *stat = bpf_map_lookup_elem(&stats, &slot);

	if (stat) {
		__sync_fetch_and_add(&stat->hits, 1);
		stat->last = now;
	}
	return bpf_map_lookup_elem(&targets, &target);
}

static __always_inline struct target *probe_target(__u64 cookie)
{
	return probe_target_at(cookie, bpf_ktime_get_boot_ns());
}

/*
 * A record of this probe could not be handed over: for whoever reserves in the ring buffer without emit()
 * or emit_text(). What it means for the event is for `counters`, and the caller's to count.
 */
static __always_inline void record_lost(__u32 target, __u32 probe)
{
	__u32 slot = target * TARGET_PROBES + probe;
	struct probe_stats *stat;

	if (probe >= TARGET_PROBES)
		return;
	stat = bpf_map_lookup_elem(&stats, &slot);
	if (stat)
		__sync_fetch_and_add(&stat->lost, 1);
}

/* A record built on the stack, its header first. 0, or -1 where the ring was full. */
static __always_inline int emit(const void *record, __u32 size, enum counter on_failure)
{
	const struct record_header *header = record;

	if (bpf_ringbuf_output(&events, (void *)record, size, 0) == 0)
		return 0;
	count(on_failure);
	record_lost(header->target, header->probe);
	return -1;
}

/* Scratch memory for one record, claimed with an atomic operation (kernel 5.12). */
#define SCRATCH_SLOTS 64
#define SCRATCH_TRIES 8
#define SCRATCH_SIZE 4608

struct scratch {
	__u32 claimed;
	__u32 reserved;
	char bytes[SCRATCH_SIZE];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* A slot of our own, or NULL where none was free in a few tries. */
static __always_inline struct scratch *claim_scratch(void)
{
	__u32 first = bpf_get_smp_processor_id();
	int i;

	for (i = 0; i < SCRATCH_TRIES; i++) {
		__u32 key = (first + i * 7) % SCRATCH_SLOTS;
		struct scratch *slot = bpf_map_lookup_elem(&scratch, &key);

		if (slot && __sync_val_compare_and_swap(&slot->claimed, 0, 1) == 0)
			return slot;
	}
	return NULL;
}

static __always_inline void release_scratch(struct scratch *slot)
{
	__sync_lock_test_and_set(&slot->claimed, 0);
}

/*
 * How far a NUL-terminated text goes on, up to TEXT_MEASURE_CHUNKS chunks. -1 where it cannot be read, or the ring
 * has no room to read it into. Not static: the verifier looks at such a function once, and not at each of its calls.
 */
__noinline long measure_chunks(__u64 from)
{
	struct text_record *scratch;
	__u32 length = 0;
	long n = 0;
	int i;

	scratch = bpf_ringbuf_reserve(&events, sizeof(*scratch) + TEXT_CHUNK, 0);
	if (!scratch)
		return -1;
	for (i = 0; i < TEXT_MEASURE_CHUNKS; i++) {
		n = bpf_probe_read_user_str(scratch->text, TEXT_CHUNK, (void *)(from + length));
		if (n <= 0)
			break;
		length += n - 1;
		if (n < TEXT_CHUNK)
			break;
	}
	bpf_ringbuf_discard(scratch, BPF_RB_NO_WAKEUP);
	return n > 0 ? (long)length : -1;
}

/*
 * How far a text goes on behind what was sent: its length is told even where the text is cut. Bounded, by more
 * than the largest text of any server, which is 1 GiB. -1: not known.
 */
__noinline long measure_text(__u64 from)
{
	__u32 length = 0;
	int i;

	for (i = 0; i < TEXT_MEASURE_ROUNDS; i++) {
		long n = measure_chunks(from + length);

		if (n < 0)
			return -1;
		length += n;
		if (n < TEXT_MEASURE_CHUNKS * (TEXT_CHUNK - 1))
			break;
	}
	return length;
}

/* A short text is put together on the stack, and takes no more room in the ring than it has bytes. */
struct small_text {
	struct record_header header;
	__u32 size;
	__u32 total;
	char text[TEXT_SMALL];
};
_Static_assert(__builtin_offsetof(struct small_text, text) ==
		       __builtin_offsetof(struct text_record, text),
	       "a small text is a text record");

/*
 * One chunk of 64 KiB of a NUL-terminated text, which begins `at` bytes behind `from`. Not static,
 * as above.
 * @param at_most chunks that may still be sent, this one included
 * @return bytes of it that were sent; TEXT_CHUNK - 1 where the text goes on; -1 where there was no room
 */
__noinline int emit_text_chunk(struct record_header *header, __u64 from, __u32 at, __u32 at_most)
{
	struct text_record *record;
	__u32 size;
	long n;

	if (!header)
		return -1;
	record = bpf_ringbuf_reserve(&events, sizeof(*record) + TEXT_CHUNK, 0);
	if (!record) {
		count(COUNTER_RECORDS_LOST);
		record_lost(header->target, header->probe);
		return -1;
	}
	n = bpf_probe_read_user_str(record->text, TEXT_CHUNK, (void *)(from + at));
	size = n > 0 ? n - 1 : 0;
	record->header = *header;
	record->size = size;
	record->total = at + size;
	if (n < TEXT_CHUNK) {
		record->header.flags |= FLAG_LAST;
		if (n <= 0) {
			record->header.flags |= FLAG_READ_FAILED | FLAG_TEXT_CUT;
			count(COUNTER_READ_FAILED);
		}
	} else if (at_most == 1) {
		long rest = measure_text(from + at + size);

		record->header.flags |= FLAG_LAST;
		if (rest != 0)
			record->header.flags |= FLAG_TEXT_CUT;
		if (rest > 0)
			record->total += rest;
		else if (rest < 0)
			record->header.flags |= FLAG_READ_FAILED;
	}
	bpf_ringbuf_submit(record, 0);
	return size;
}

/*
 * A NUL-terminated text of the process, in one small record or in chunks of 64 KiB. The header is the
 * template of each; its seq is that of the next record: it goes up with lost ones too.
 */
static __noinline __attribute__((unused)) int emit_text(struct record_header *header, const char *from)
{
	struct small_text small;
	__u32 total = 0;
	long n;
	int i;

	if (!header)
		return 0;
	n = bpf_probe_read_user_str(small.text, TEXT_SMALL, from);
	if (n < TEXT_SMALL) {
		__u32 size = n > 0 ? n - 1 : 0;

		small.header = *header;
		small.header.flags |= FLAG_LAST;
		if (n <= 0) {
			small.header.flags |= FLAG_READ_FAILED;
			count(COUNTER_READ_FAILED);
		}
		small.size = size;
		small.total = size;
		header->seq++;
		if (size < TEXT_SMALL) /* for the verifier */
			emit(&small, sizeof(struct text_record) + size, COUNTER_RECORDS_LOST);
		return 0;
	}

	for (i = 0; i < TEXT_MAX_CHUNKS; i++) {
		int size = emit_text_chunk(header, (__u64)from, total, TEXT_MAX_CHUNKS - i);

		header->seq++;
		if (size < TEXT_CHUNK - 1)
			return 0;
		total += size;
	}
	return 0;
}

#define CHUNK_SMALL 4096
#define CHUNK_MIDDLE 16384

/* Reserve, fill and submit one chunk of this many bytes at most. 0, or -1 where there was no room. */
static __always_inline int emit_reserved(struct record_header *header, __u64 from, __u32 size, __u32 total,
					 const __u32 room)
{
	struct text_record *record = bpf_ringbuf_reserve(&events, sizeof(*record) + room, 0);

	if (!record) {
		count(COUNTER_RECORDS_LOST);
		record_lost(header->target, header->probe);
		return -1;
	}
	record->header = *header;
	record->size = size;
	record->total = total;
	if (size > room) /* for the verifier */
		size = room;
	if (bpf_probe_read_user(record->text, size, (void *)from) != 0) {
		record->size = 0;
		record->header.flags |= FLAG_READ_FAILED;
		count(COUNTER_READ_FAILED);
	}
	bpf_ringbuf_submit(record, 0);
	return 0;
}

/*
 * A chunk of at most TEXT_CHUNK bytes at the address `from`, with as little room in the ring as it needs. Not
 * static, as above.
 */
__noinline int emit_chunk(struct record_header *header, __u64 from, __u32 size, __u32 total)
{
	if (!header)
		return -1;
	if (size <= CHUNK_SMALL)
		return emit_reserved(header, from, size, total, CHUNK_SMALL);
	if (size <= CHUNK_MIDDLE)
		return emit_reserved(header, from, size, total, CHUNK_MIDDLE);
	return emit_reserved(header, from, size, total, TEXT_CHUNK);
}

/*
 * `total` bytes of the process, which may hold any byte, in chunks. Each carries the same header; FLAG_LAST
 * is on the last, with FLAG_TEXT_CUT where more than TEXT_MAX_CHUNKS were due.
 */
static __noinline __attribute__((unused)) int emit_bytes(struct record_header *header, const char *from, __u32 total)
{
	int i;

	if (!header)
		return 0;
	for (i = 0; i < TEXT_MAX_CHUNKS; i++) {
		__u32 at = i * TEXT_CHUNK; /* the same in each run of the loop's body, or the verifier has no end */
		__u32 left = total - at;
		__u32 size = left < TEXT_CHUNK ? left : TEXT_CHUNK;

		if (at >= total)
			break;
		header->flags = 0;
		if (left == size)
			header->flags = FLAG_LAST;
		else if (i == TEXT_MAX_CHUNKS - 1)
			header->flags = FLAG_LAST | FLAG_TEXT_CUT;
		emit_chunk(header, (__u64)from + at, size, total);
	}
	return 0;
}

#endif
