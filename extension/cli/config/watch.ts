/**
 * Loads the config again when its file changes or SIGHUP comes. Its directory is watched, not the file:
 * editors rename a new file over the old one, and the file may not be there yet.
 */
import fs from 'node:fs';
import path from 'node:path';
import { LiveAuditError } from '../../../native/errors.ts';
import { type ConfigSources, diffConfig, type LoadedConfig, loadConfig } from './load.ts';
import type { ConfigKey } from './schema.ts';

/** A file that is saved gives several events; well within the second in which a change must show. */
const DEBOUNCE_MS = 100;

export interface ConfigWatchOptions {
  readonly sources: ConfigSources;
  /** What is in use: `onConfig` hears only of what differs from it. */
  readonly loaded: LoadedConfig;
  readonly onConfig: (loaded: LoadedConfig, changed: readonly ConfigKey[]) => void;
  /** A config that is wrong, once until it changes; the last good one stays. */
  readonly onError: (error: LiveAuditError) => void;
}

/** Until `close`; it keeps no process alive. */
export function watchConfig(options: ConfigWatchOptions): ConfigWatch {
  return new ConfigWatch(options);
}

export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  readonly #onHangUp = () => this.reload();
  #loaded: LoadedConfig;
  #refused: string | null = null;
  #watcher: fs.FSWatcher | null = null;
  /** Path, device and inode of the directory that is watched. */
  #watched: string | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
    this.#loaded = options.loaded;
    process.on('SIGHUP', this.#onHangUp);
    this.#schedule(); // the file may have changed since it was loaded
    this.#watch();
  }

  /** Load now. */
  reload(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#watch(); // before the file is read, or a change in between would be missed
    try {
      const loaded = loadConfig(this.#options.sources);
      this.#refused = null;
      const changed = diffConfig(this.#loaded.config, loaded.config);
      this.#loaded = loaded;
      if (changed.length > 0) this.#options.onConfig(loaded, changed);
    } catch (error) {
      if (!(error instanceof LiveAuditError)) throw error;
      this.#refuse(error);
    }
  }

  close(): void {
    process.off('SIGHUP', this.#onHangUp);
    clearTimeout(this.#timer);
    this.#watcher?.close();
    this.#watcher = null;
  }

  #refuse(error: LiveAuditError): void {
    if (error.message === this.#refused) return;
    this.#refused = error.message;
    this.#options.onError(error);
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.reload(), DEBOUNCE_MS).unref();
  }

  /** Watch the file's directory, or the nearest that is there; again where another took its place. */
  #watch(): void {
    const { file } = this.#options.sources;
    const found = nearestDirectory(path.dirname(path.resolve(file)));
    if (found.identity === this.#watched) return;
    this.#watcher?.close();
    this.#watched = null;
    try {
      this.#watcher = fs.watch(found.directory, { persistent: false }, () => this.#schedule());
      this.#watcher.on('error', () => this.#schedule());
      this.#watched = found.identity;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const detail = `${file}: changes are seen at SIGHUP only: cannot watch ${found.directory} (${code})`;
      this.#refuse(new LiveAuditError('CONFIG', detail, { cause: error }));
    }
  }
}

function nearestDirectory(directory: string): { directory: string; identity: string } {
  for (let at = directory; ; at = path.dirname(at)) {
    try {
      const stat = fs.statSync(at);
      if (stat.isDirectory()) return { directory: at, identity: `${at}:${stat.dev}:${stat.ino}` };
    } catch {
      // not there, or not ours to enter: look above
    }
    if (at === '/') return { directory: '/', identity: '/' };
  }
}
