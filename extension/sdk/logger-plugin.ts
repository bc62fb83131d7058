/** osquery's logger plug-in: `--logger_plugin=NAME` (osquery 5.23, core/plugins/logger.cpp). */
import { array, number, object, parseJson, refuse, text } from './decode.ts';
import type { Plugin, PluginReply, PluginRequest } from './plugin.ts';

/** Which lines osquery sends besides results. */
const Feature = { LOG_STATUS: 1, LOG_EVENT: 2 } as const;

/** A line of osquery's own log. */
export interface StatusLine {
  /** 0 info, 1 warning, 2 error, 3 fatal. */
  readonly severity: number;
  readonly file: string;
  readonly line: number;
  readonly message: string;
  /** Unix s; NaN from an osquery that does not say. */
  readonly time: number;
  readonly hostIdentifier: string;
}

export interface Logger {
  readonly name: string;
  /** A result: one line of JSON. Of a batch each, one after the other. */
  result(json: string): void | Promise<void>;
  /** A snapshot's result; without it they go to `result`. */
  snapshot?(json: string): void | Promise<void>;
  /** Without it osquery logs its status itself. */
  status?(lines: readonly StatusLine[]): void | Promise<void>;
  /** Without it osquery sends none. */
  event?(json: string): void | Promise<void>;
  /** Once, before anything else, with what was logged until then. */
  init?(process: string, lines: readonly StatusLine[]): void | Promise<void>;
}

export function loggerPlugin(logger: Logger): Plugin {
  return { registry: 'logger', name: logger.name, call: (request) => call(logger, request) };
}

const DONE: PluginReply = { rows: [] };

async function call(logger: Logger, request: PluginRequest): Promise<PluginReply> {
  const given = (key: string) => request.get(key);
  const result = given('string');
  const snapshot = given('snapshot');
  const batch = given('string_batch');
  const init = given('init');
  const event = given('event');
  if (result !== undefined) await logger.result(result);
  else if (batch !== undefined) await each(logger, batch);
  else if (snapshot !== undefined) await (logger.snapshot ?? logger.result).call(logger, snapshot);
  else if (init !== undefined) await logger.init?.(init, statusLines(given('log')));
  else if (given('status') !== undefined) await logger.status?.(statusLines(given('log')));
  else if (event !== undefined) await logger.event?.(event);
  else if (given('action') === 'features') return { rows: [], code: features(logger) };
  else throw refuse('a call that loggers do not have');
  return DONE;
}

/** All are tried: what one sink refuses, the next line may pass. @throws LiveAuditError PROTOCOL, naming the first error */
async function each(logger: Logger, json: string): Promise<void> {
  const lines = array(parseJson(json, 'the batch'), 'the batch');
  const errors: unknown[] = [];
  for (const line of lines) {
    try {
      if (typeof line !== 'string') throw refuse('a result that is no text');
      await logger.result(line);
    } catch (error) {
      errors.push(error);
    }
  }
  const [first] = errors;
  if (first === undefined) return;
  const why = first instanceof Error ? first.message : String(first);
  throw refuse(`${errors.length} of ${lines.length} results were not logged: ${why}`);
}

const features = ({ status, event }: Logger): number =>
  (status ? Feature.LOG_STATUS : 0) | (event ? Feature.LOG_EVENT : 0);

function statusLines(json: string | undefined): StatusLine[] {
  if (json === undefined || json === '') return [];
  return array(parseJson(json, 'the status log'), 'the status log').map((entry) => {
    const { s, f, i, m, u, h } = object(entry, 'a status line');
    return {
      severity: number(s),
      file: text(f),
      line: number(i),
      message: text(m),
      time: number(u),
      hostIdentifier: text(h),
    };
  });
}
