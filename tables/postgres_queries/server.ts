/**
 * What a PostgreSQL executable tells of itself: its version, the names of its command tags, and where things
 * are that it does not export. Every reading is bounded; what is not found is not known.
 */
import { type Elf, type ElfSymbol, withElf } from '../../native/elf.ts';
import { LiveAuditError } from '../../native/errors.ts';
import type { Symbols } from '../collector/target-kind.ts';
import { accessedBy } from './accessor.ts';
import { codeOf, loaded } from './code.ts';

const MAX_VERSION_BYTES = 128;
const MAX_TAG_BYTES = 64;
const MAX_TAGS = 1024;

/** PG_BACKEND_VERSIONSTR: what `postgres --version` prints (main/main.c, port/path.c), all versions. */
const VERSION_MARK = Buffer.from('postgres (PostgreSQL) ');

/** As SHOW server_version gives it: 15.18 (Debian 15.18-0+deb12u1); null where it is not found. */
export function serverVersion(elf: Elf): string | null {
  for (const { bytes } of loaded(elf)) {
    const at = bytes.indexOf(VERSION_MARK);
    if (at < 0) continue;
    const from = at + VERSION_MARK.length;
    const text = bytes.toString('latin1', from, from + MAX_VERSION_BYTES);
    return /^\d+[\x20-\x7e]*(?=\n?\0)/.exec(text)?.[0] ?? null;
  }
  return null;
}

/** 15; null where it is not known. */
export function majorVersion(elf: Elf): number | null {
  const version = serverVersion(elf);
  return version === null ? null : Number.parseInt(version, 10);
}

/** Versions whose structures bpf/postgres*.h knows. */
export const KNOWN_VERSIONS = { first: 10, last: 18 } as const;

export function knownVersion(elf: Elf): number | null {
  const major = majorVersion(elf);
  const known = major !== null && major >= KNOWN_VERSIONS.first && major <= KNOWN_VERSIONS.last;
  return known ? major : null;
}

/**
 * tag_behavior[] (tcop/cmdtag.c, since 13) has 16 bytes for each command tag, the address of its name first.
 * Its second entry, behind "???", is this one.
 */
const SECOND_TAG = 'ALTER ACCESS METHOD';
const FIRST_TAG = '???';
const TAG_ENTRY_BYTES = 16;

const SHT_RELA = 4;
const RELA_BYTES = 24;
/** R_X86_64_RELATIVE and R_AARCH64_RELATIVE: the address is the load bias plus the addend. */
const RELATIVE = new Set([8, 1027]);
const MAX_RELA_BYTES = 16 * 1024 * 1024;

/** Names by number (enum CommandTag); empty where the server has no such table. */
export function commandTags(elf: Elf): readonly string[] {
  const second = addressOfText(elf, SECOND_TAG);
  if (second === null) return [];
  const pointers = pointersOf(elf);
  for (const [place, address] of pointers) {
    if (address !== second) continue;
    const first = place - TAG_ENTRY_BYTES;
    if (textAt(elf, pointers.get(first) ?? 0) !== FIRST_TAG) continue;
    const names: string[] = [];
    for (let at = first; names.length < MAX_TAGS; at += TAG_ENTRY_BYTES) {
      const name = textAt(elf, pointers.get(at) ?? 0);
      if (name === null || !/^[A-Z?][A-Z ?]*$/.test(name)) break;
      names.push(name);
    }
    return names;
  }
  return [];
}

function addressOfText(elf: Elf, text: string): number | null {
  for (const { segment, bytes } of loaded(elf)) {
    const at = bytes.indexOf(Buffer.from(`\0${text}\0`));
    if (at >= 0) return segment.vaddr + at + 1;
  }
  return null;
}

function textAt(elf: Elf, vaddr: number): string | null {
  for (const { segment, bytes } of loaded(elf)) {
    const at = vaddr - segment.vaddr;
    if (at < 0 || at >= bytes.length) continue;
    const text = bytes.toString('latin1', at, at + MAX_TAG_BYTES);
    const end = text.indexOf('\0');
    return end < 0 ? null : text.slice(0, end);
  }
  return null;
}

/** Addresses that the loader writes, by place; of a file that needs no relocation those in its data. */
function pointersOf(elf: Elf): Map<number, number> {
  const pointers = new Map<number, number>();
  for (const { type, offset, size } of elf.sections) {
    if (type !== SHT_RELA || size > MAX_RELA_BYTES || offset + size > elf.source.size) continue;
    const table = elf.source.read(offset, size);
    for (let at = 0; at + RELA_BYTES <= table.length; at += RELA_BYTES)
      if (RELATIVE.has(table.readUInt32LE(at + 8)))
        pointers.set(Number(table.readBigUInt64LE(at)), Number(table.readBigInt64LE(at + 16)));
  }
  if (pointers.size > 0) return pointers;
  for (const { segment, bytes } of loaded(elf)) {
    if (segment.executable) continue;
    for (let at = -segment.vaddr & 7; at + 8 <= bytes.length; at += 8) {
      const high = bytes.readUInt32LE(at + 4);
      const low = bytes.readUInt32LE(at);
      if (high < 0x10000 && low !== 0) pointers.set(segment.vaddr + at, high * 2 ** 32 + low);
    }
  }
  return pointers;
}

/** The address of the variable that a function returns. */
export function variableOf(elf: Elf, symbol: ElfSymbol | undefined): number | null {
  const code = symbol && codeOf(elf, symbol);
  return code && symbol ? (accessedBy(code, symbol.vaddr, 0)?.result ?? null) : null;
}

export interface ErrorData {
  /** Address of errordata_stack_depth. */
  readonly depth: number;
  /** Address of errordata[0]. */
  readonly array: number;
  /** sizeof(ErrorData) */
  readonly size: number;
}

/** ErrorData.sqlerrcode, as in bpf/postgres-error.bpf.h. */
const offsetOfCode = (version: number): number => (version >= 14 ? 48 : 56);
const MAX_ERRORDATA_BYTES = 1024;

/**
 * Where errors stand: int geterrcode(void) returns errordata[errordata_stack_depth].sqlerrcode in every
 * version, so its code tells array, depth and the size of an element.
 */
export function errorData(elf: Elf, symbols: Symbols): ErrorData | null {
  const version = knownVersion(elf) ?? KNOWN_VERSIONS.last;
  const symbol = symbols.get('geterrcode');
  const code = symbol && codeOf(elf, symbol);
  if (!code) return null;
  const [first, second] = [0, 1].map((depth) => accessedBy(code, symbol.vaddr, depth));
  const depth = first?.before[0];
  if (!first || !second || depth === undefined || first.before.length !== 1) return null;
  const size = second.result - first.result;
  if (size <= offsetOfCode(version) || size > MAX_ERRORDATA_BYTES) return null;
  return { depth, array: first.result - offsetOfCode(version), size };
}

/** What a record's reader must know of the server that it came from. */
export interface Server {
  readonly version: string | null;
  /** By CommandTag number. */
  readonly tags: readonly string[];
}

/** Read it from the executable; what cannot be read is not known. */
export function readServer(file: string): Server {
  try {
    return withElf(file, (elf) => ({ version: serverVersion(elf), tags: commandTags(elf) }));
  } catch (error) {
    if (error instanceof LiveAuditError) return { version: null, tags: [] };
    throw error;
  }
}
