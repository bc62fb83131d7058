/** What the probe manager must know to attach to one kind of program; tables/<name>/targets.ts says it. */

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
}

export interface GlobalSpec {
  /** Index into target.symbol_vaddr. */
  readonly index: number;
  readonly symbol: string;
  /** What is not known without it. */
  readonly gives: string;
}

export interface TargetKind {
  /** Table that the events go to. */
  readonly table: string;
  /** What is shown as the program: bash. */
  readonly program: string;
  readonly probes: readonly ProbeSpec[];
  readonly globals: readonly GlobalSpec[];
  /** Functions and globals that make a program one of this kind: all of them, defined, whatever its name. */
  readonly markers: readonly string[];
  /** Where such programs are usually installed. */
  readonly paths: readonly string[];
  /** File names of such programs: one that lacks the symbols is shown as failed. */
  readonly fileName: RegExp;
}
