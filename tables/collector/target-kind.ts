/** What the probe manager must know to attach to one kind of program; tables/<name>/targets.ts says it. */
import type { Elf, ElfSymbol } from '../../native/elf.ts';

/** The functions and globals of a binary that its kind names, as far as it has them. */
export type Symbols = ReadonlyMap<string, ElfSymbol>;

export interface ProbeSpec {
  /** Index into target.probe_vaddr (bpf/event.h), and the lower half of the cookie. */
  readonly index: number;
  /** Name of the BPF program. */
  readonly program: string;
  /** Name of the function that it is attached to. */
  readonly symbol: string;
  /** At its return instead of its entry. */
  readonly retprobe: boolean;
  /** Without it the target gives no events at all. */
  readonly required: boolean;
  /**
   * Attach to this instruction (its link-time address) and not behind the entry of `symbol`; null where the
   * binary has no such place. It may throw LiveAuditError ELF.
   */
  readonly locate?: (elf: Elf, symbols: Symbols) => number | null;
  /** Not attached, and not shown, where the binary has this function. */
  readonly unless?: string;
  /** Not attached, and not shown, where the binary lacks this function. */
  readonly only?: string;
  /** Not attached, and not shown, where this global (its index) is known. */
  readonly unlessKnown?: number;
  /** Attached only where the config asks for it by this name. */
  readonly option?: string;
}

export interface GlobalSpec {
  /** Index into target.symbol_vaddr. */
  readonly index: number;
  readonly symbol: string;
  /** What is not known without it. */
  readonly gives: string;
  /**
   * What the BPF side gets where the binary does not have `symbol`: an address that its code tells, or a number
   * that differs by build. null: not known. It may throw LiveAuditError ELF.
   */
  readonly locate?: (elf: Elf, symbols: Symbols) => number | null;
}

export interface TargetKind {
  /** Table that the events go to. */
  readonly table: string;
  /** What is shown as the program: bash. */
  readonly program: string;
  readonly probes: readonly ProbeSpec[];
  readonly globals: readonly GlobalSpec[];
  /** More names that `locate` asks for. */
  readonly symbols?: readonly string[];
  /** Functions and globals that make a program one of this kind: all of them, defined, whatever its name. */
  readonly markers: readonly string[];
  /** Where such programs are usually installed. */
  readonly paths: readonly string[];
  /** File names of such programs: one that lacks the symbols is shown as failed. */
  readonly fileName: RegExp;
}
