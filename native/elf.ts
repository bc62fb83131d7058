/**
 * Reading symbols out of ELF files: pure functions over a byte source, no knowledge of any program.
 * Layouts are from the System V ABI (Elf64_Ehdr, Elf64_Phdr, Elf64_Shdr, Elf64_Sym); only 64-bit little
 * endian files are read, which is all that x86-64 and arm64 Linux run.
 */
import fs from 'node:fs';
import { LiveAuditError } from './errors.ts';

/** Bytes by position, so that a 200 MB server binary is not read whole. */
export interface ByteSource {
  readonly size: number;
  /** @returns exactly `length` bytes. @throws when the range is outside the source. */
  read(position: number, length: number): Buffer;
}

export interface Segment {
  readonly offset: number;
  readonly vaddr: number;
  readonly fileSize: number;
  readonly executable: boolean;
}

export interface Elf {
  readonly source: ByteSource;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
  /** Index of the section of names. */
  readonly names: number;
  /** The linker's build id in hex, or null. */
  readonly buildId: string | null;
}

export interface Section {
  /** Where its name stands in the section of names. */
  readonly name: number;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

export interface ElfSymbol {
  readonly name: string;
  /** Link-time address. */
  readonly vaddr: number;
  readonly size: number;
  readonly kind: 'function' | 'object';
}

const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1');
const EHDR_SIZE = 64;
const EI_CLASS = 4;
const ELFCLASS64 = 2;
const EI_DATA = 5;
const ELFDATA2LSB = 1;
const E_PHOFF = 32;
const E_SHOFF = 40;
const E_PHENTSIZE = 54;
const E_PHNUM = 56;
const E_SHENTSIZE = 58;
const E_SHNUM = 60;
const E_SHSTRNDX = 62;

const PHDR_SIZE = 56;
const PT_LOAD = 1;
const PF_X = 1;

const SHDR_SIZE = 64;
const SHT_NOTE = 7;

const NT_GNU_BUILD_ID = 3;
/** A hostile header must not make us read gigabytes. */
const MAX_TABLE_BYTES = 256 * 1024 * 1024;
const MAX_NOTE_BYTES = 64 * 1024;
const MAX_NOTE_SECTIONS = 16;

/** endbr64: an indirect branch target (CET); a probe on it is single-stepped and 20 times dearer. */
const ENDBR64 = Buffer.from([0xf3, 0x0f, 0x1e, 0xfa]);

export const invalidElf = (reason: string) =>
  new LiveAuditError('ELF', `not a usable ELF file: ${reason}`);

/** @throws LiveAuditError ELF where a range lies outside the file */
export function readTable(source: ByteSource, offset: number, size: number, what: string): Buffer {
  if (offset < 0 || size < 0 || size > MAX_TABLE_BYTES || offset + size > source.size)
    throw invalidElf(`${what} lies outside the file`);
  return source.read(offset, size);
}

export const u64 = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

/** @throws LiveAuditError ELF */
export function parseElf(source: ByteSource): Elf {
  if (source.size < EHDR_SIZE) throw invalidElf('shorter than a header');
  const header = source.read(0, EHDR_SIZE);
  if (!header.subarray(0, ELF_MAGIC.length).equals(ELF_MAGIC)) throw invalidElf('no ELF magic');
  if (header[EI_CLASS] !== ELFCLASS64 || header[EI_DATA] !== ELFDATA2LSB)
    throw invalidElf('not 64-bit little endian');

  const segments: Segment[] = [];
  const phnum = header.readUInt16LE(E_PHNUM);
  if (phnum > 0) {
    if (header.readUInt16LE(E_PHENTSIZE) !== PHDR_SIZE) throw invalidElf('program header size');
    const table = readTable(source, u64(header, E_PHOFF), phnum * PHDR_SIZE, 'program headers');
    for (let at = 0; at < table.length; at += PHDR_SIZE) {
      if (table.readUInt32LE(at) !== PT_LOAD) continue;
      segments.push({
        executable: (table.readUInt32LE(at + 4) & PF_X) !== 0,
        offset: u64(table, at + 8),
        vaddr: u64(table, at + 16),
        fileSize: u64(table, at + 32),
      });
    }
  }

  const sections: Section[] = [];
  const shnum = header.readUInt16LE(E_SHNUM);
  if (shnum > 0) {
    if (header.readUInt16LE(E_SHENTSIZE) !== SHDR_SIZE) throw invalidElf('section header size');
    const table = readTable(source, u64(header, E_SHOFF), shnum * SHDR_SIZE, 'section headers');
    for (let at = 0; at < table.length; at += SHDR_SIZE) {
      sections.push({
        name: table.readUInt32LE(at),
        type: table.readUInt32LE(at + 4),
        offset: u64(table, at + 24),
        size: u64(table, at + 32),
        link: table.readUInt32LE(at + 40),
      });
    }
  }
  const names = header.readUInt16LE(E_SHSTRNDX);
  return { source, segments, sections, names, buildId: readBuildId(source, sections) };
}

/** Names and descriptors of notes are padded to 4 bytes. Not by `& ~3`: that is signed. */
const padded = (size: number): number => Math.ceil(size / 4) * 4;

function readBuildId(source: ByteSource, sections: readonly Section[]): string | null {
  const noteSections = sections.filter(
    ({ type, size }) => type === SHT_NOTE && size <= MAX_NOTE_BYTES,
  );
  for (const section of noteSections.slice(0, MAX_NOTE_SECTIONS)) {
    const notes = readTable(source, section.offset, section.size, 'a note');
    for (let at = 0; at + 12 <= notes.length; ) {
      const nameSize = notes.readUInt32LE(at);
      const descSize = notes.readUInt32LE(at + 4);
      const name = at + 12;
      const desc = name + padded(nameSize);
      if (desc + descSize > notes.length) break;
      if (
        notes.readUInt32LE(at + 8) === NT_GNU_BUILD_ID &&
        notes.toString('latin1', name, name + 3) === 'GNU'
      )
        return notes.subarray(desc, desc + descSize).toString('hex');
      at = desc + padded(descSize);
    }
  }
  return null;
}

/** What a section holds, by its name; null where there is none. @throws LiveAuditError ELF */
export function sectionContent(elf: Elf, name: string): Buffer | null {
  const strings = elf.sections[elf.names];
  if (!strings) return null;
  const names = readTable(elf.source, strings.offset, strings.size, 'section names');
  const wanted = Buffer.from(`${name}\0`, 'latin1');
  const found = elf.sections.find(({ name: at }) =>
    names.subarray(at, at + wanted.length).equals(wanted),
  );
  return found ? readTable(elf.source, found.offset, found.size, name) : null;
}

/** Where an address of the file's own code lies in the file, or null where no segment has it. */
export function fileOffset(elf: Elf, vaddr: number): number | null {
  const segment = elf.segments.find((s) => vaddr >= s.vaddr && vaddr < s.vaddr + s.fileSize);
  return segment ? vaddr - segment.vaddr + segment.offset : null;
}

/** The link-time address of code at a file offset, or null where no executable segment has it. */
export function virtualAddress(elf: Elf, offset: number): number | null {
  const segment = elf.segments.find(
    (s) => s.executable && offset >= s.offset && offset < s.offset + s.fileSize,
  );
  return segment ? offset - segment.offset + segment.vaddr : null;
}

/**
 * The address at which to probe the entry of a function: behind a leading endbr64, where the arguments
 * and the return address still stand as at the entry itself.
 * @throws LiveAuditError ELF where the function lies in no segment
 */
export function probeAddress(elf: Elf, symbol: ElfSymbol): { vaddr: number; offset: number } {
  const offset = fileOffset(elf, symbol.vaddr);
  if (offset === null || offset + ENDBR64.length > elf.source.size)
    throw invalidElf(`${symbol.name} lies in no segment`);
  const skip = elf.source.read(offset, ENDBR64.length).equals(ENDBR64) ? ENDBR64.length : 0;
  return { vaddr: symbol.vaddr + skip, offset: offset + skip };
}

/**
 * Open a file as a byte source for the time of one call.
 * @throws LiveAuditError ELF, naming the path
 */
export function withElf<T>(path: string, use: (elf: Elf) => T): T {
  const fd = open(path);
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile()) throw invalidElf('not a regular file');
    return use(parseElf(fileSource(fd, stat.size)));
  } catch (error) {
    if (!(error instanceof LiveAuditError) || error.code !== 'ELF') throw error;
    throw new LiveAuditError('ELF', `${path}: ${error.message}`, { cause: error });
  } finally {
    fs.closeSync(fd);
  }
}

/** Whether a file begins as no ELF file does: a script. Of one that cannot be read nobody knows. */
export function isOtherFormat(path: string): boolean {
  try {
    const fd = open(path);
    try {
      const magic = Buffer.alloc(ELF_MAGIC.length);
      fs.readSync(fd, magic, 0, magic.length, 0);
      return !magic.equals(ELF_MAGIC);
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    return false;
  }
}

function open(path: string): number {
  try {
    return fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new LiveAuditError('ELF', `${path}: cannot be opened (${code})`, { cause: error });
  }
}

function fileSource(fd: number, size: number): ByteSource {
  return {
    size,
    read(position, length) {
      const bytes = Buffer.allocUnsafe(length);
      for (let done = 0; done < length; ) {
        const n = fs.readSync(fd, bytes, done, length - done, position + done);
        if (n === 0) throw invalidElf('it ends early');
        done += n;
      }
      return bytes;
    },
  };
}
