/**
 * Finds the programs that are targets, installed or running, as they come: by an exec hook, and without one
 * by reading /proc every second. Each real inode is found once, whatever its names, mounts and containers.
 */
import { LiveAuditError } from '../../native/errors.ts';
import {
  type Executable,
  exeLink,
  type FileIdentity,
  fileStamp,
  identify,
  installedFile,
  type ProgramFile,
  processFile,
  processIds,
  sameInode,
} from '../../native/executables.ts';
import { ExecHook, type ProgramReport } from './discovery-hook.ts';
import { kindOf } from './discovery-recognise.ts';
import type { TargetKind } from './target-kind.ts';

/** A path from the config: a target of this kind, whatever its symbols and name. */
export interface ConfiguredPath {
  readonly kind: TargetKind;
  readonly path: string;
}

export interface DiscoveryOptions {
  /** Where the BPF objects are. */
  readonly assetsDir: string;
  readonly kinds: readonly TargetKind[];
  readonly paths?: readonly ConfiguredPath[];
  readonly log: (line: string) => void;
  /** A target that was not known: attach to it. Also one that cannot work, to show why. */
  readonly onFound: (kind: TargetKind, executable: Executable) => void;
  /** Its file was overwritten in place: detach at once, the offsets are of the old content. */
  readonly onGone: (executable: Executable) => void;
}

interface Target {
  readonly executable: Executable;
  readonly identity: FileIdentity;
  /** Keys under which the exec hook has reported it. */
  readonly reports: Set<string>;
}

const TICK_MS = 1000;
/** With the hook, all of /proc is read only in case something slipped through. */
const TICKS_PER_SCAN_WITH_HOOK = 30;
/** Files known to be no targets: beyond this many they are judged anew. */
const MAX_VERDICTS = 16_384;

export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #hook: ExecHook | null;
  readonly #timer: NodeJS.Timeout;
  readonly #targets = new Set<Target>();
  /** By file stamp; null: no target. */
  readonly #verdicts = new Map<string, Target | null>();
  /** Why there is no exec hook, or null. */
  readonly failure: string | null;
  #ticks = 0;
  #lost = 0;

  /** Begins to listen; `scan` finds what is there already. */
  constructor(options: DiscoveryOptions) {
    this.#options = options;
    let hook: ExecHook | null = null;
    let failure: string | null = null;
    try {
      hook = new ExecHook(options.assetsDir, (report) => this.#onProgram(report));
    } catch (error) {
      if (!(error instanceof LiveAuditError)) throw error;
      failure = error.line;
      options.log(`no exec hook, new programs are looked for every second: ${failure}`);
    }
    this.#hook = hook;
    this.failure = failure;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Find all that is installed and all that runs. */
  scan(): void {
    this.#scanInstalled();
    this.#scanRunning();
  }

  #tick(): void {
    const lost = this.#hook?.lost ?? 0;
    const everything =
      this.#hook === null || lost > this.#lost || ++this.#ticks % TICKS_PER_SCAN_WITH_HOOK === 0;
    if (lost > this.#lost) this.#options.log(`the exec hook lost ${lost - this.#lost} reports`);
    this.#lost = lost;
    this.#scanInstalled();
    if (everything) this.#scanRunning();
  }

  #scanInstalled(): void {
    const { kinds, paths = [] } = this.#options;
    for (const { path, kind } of paths) {
      const known = this.#verdicts.get(fileStamp(path) ?? '');
      const file = known ? null : installedFile(path);
      if (file) this.#look(file, kind);
    }
    for (const path of kinds.flatMap((kind) => kind.paths)) {
      const stamp = fileStamp(path);
      const file = stamp === null || this.#verdicts.has(stamp) ? null : installedFile(path);
      if (file) this.#look(file);
    }
  }

  /** @returns the targets that run */
  #scanRunning(): Set<Target> {
    const running = new Set<Target>();
    for (const pid of processIds()) {
      const stamp = fileStamp(exeLink(pid));
      if (stamp === null) continue;
      let target = this.#verdicts.get(stamp);
      if (target === undefined) {
        const file = processFile(pid);
        target = file ? this.#look(file) : null;
      }
      if (target) running.add(target);
    }
    return running;
  }

  #onProgram(report: ProgramReport): void {
    for (const target of this.#targets) if (target.reports.has(report.key)) return;
    const file = fileOf(report);
    const target = file ? this.#look(file) : undefined;
    // Gone before we could look: the next exec of it is reported again.
    if (target === undefined) this.#hook?.forget(report.key);
    target?.reports.add(report.key);
  }

  /**
   * Judge a file, once.
   * @param configured its kind by the config
   * @returns null: no target; undefined: gone before it could be judged
   */
  #look({ executable, identity }: ProgramFile, configured?: TargetKind): Target | null | undefined {
    const verdict = this.#verdicts.get(identity.stamp);
    if (verdict || (verdict === null && !configured)) return verdict;
    const known = this.#find(identity);
    if (known?.identity.version === identity.version) {
      this.#verdicts.set(identity.stamp, known);
      return known;
    }
    if (known) {
      this.#forget(known);
      this.#options.onGone(known.executable);
    }
    const kind = kindOf(executable, this.#options.kinds) ?? configured ?? null;
    if (!isAt(executable.path, identity)) return undefined;
    this.#bound();
    if (kind === null) {
      this.#verdicts.set(identity.stamp, null);
      return null;
    }
    const target: Target = { executable, identity, reports: new Set() };
    this.#targets.add(target);
    this.#verdicts.set(identity.stamp, target);
    this.#options.onFound(kind, executable);
    return target;
  }

  #find(identity: FileIdentity): Target | undefined {
    for (const target of this.#targets) if (sameInode(target.identity, identity)) return target;
    return undefined;
  }

  #forget(target: Target): void {
    this.#targets.delete(target);
    for (const [stamp, verdict] of this.#verdicts)
      if (verdict === target) this.#verdicts.delete(stamp);
    for (const key of target.reports) this.#hook?.forget(key);
  }

  #bound(): void {
    if (this.#verdicts.size < MAX_VERDICTS) return;
    for (const [stamp, verdict] of this.#verdicts)
      if (verdict === null) this.#verdicts.delete(stamp);
  }

  /**
   * A path by which a target's very inode is opened now: its own, or that of another process which runs it.
   * null where there is none.
   */
  currentPath(executable: Executable): string | null {
    const target = [...this.#targets].find((t) => t.executable.inode === executable.inode);
    if (!target) return null;
    for (const path of [executable.name, executable.path])
      if (isAt(path, target.identity)) return path;
    for (const pid of processIds()) {
      const link = exeLink(pid);
      const stamp = fileStamp(link);
      if (stamp !== null && this.#verdicts.get(stamp) === target) return link;
    }
    return null;
  }

  /**
   * Those that lie no more where they were installed and that no process runs. They are forgotten: release
   * them now; when one is run again it is found again.
   */
  unused(executables: Iterable<Executable>): Executable[] {
    const idle = [...executables].filter(({ inode, name }) => identify(name)?.inode !== inode);
    if (idle.length === 0) return [];
    const inodes = new Set(idle.map(({ inode }) => inode));
    const targets = [...this.#targets].filter(
      ({ executable, identity }) =>
        inodes.has(executable.inode) && !isAt(executable.name, identity),
    );
    // Before looking at /proc: an exec that comes after that look must be reported.
    for (const { reports } of targets) for (const key of reports) this.#hook?.forget(key);
    const running = this.#scanRunning();
    const gone = new Set<string>();
    for (const target of targets) {
      if (running.has(target) || !this.#targets.has(target)) continue;
      this.#forget(target);
      gone.add(target.executable.inode);
    }
    const known = new Set([...this.#targets].map(({ executable }) => executable.inode));
    return idle.filter(({ inode }) => gone.has(inode) || !known.has(inode));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#hook?.close();
  }
}

/** Whether that very inode, unchanged, is at a path. */
function isAt(path: string, identity: FileIdentity): boolean {
  const at = identify(path);
  return at !== null && sameInode(at, identity) && at.version === identity.version;
}

/** The file of a report: by its process, or where that is gone already by its path. */
function fileOf({ pid, path, ino, version }: ProgramReport): ProgramFile | null {
  const run = processFile(pid);
  if (run?.identity.version === version) return run; // or it has become another program since
  const at = path.startsWith('/') ? installedFile(path) : null;
  return at?.identity.version === version && at.identity.ino === ino ? at : null;
}
