/** osquery's distributed plug-in: `--distributed_plugin=NAME` (osquery 5.23, distributed/distributed.cpp). */
import { array, number, object, parseJson, refuse, text } from './decode.ts';
import type { Plugin } from './plugin.ts';
import type { StringMap } from './thrift/index.ts';

export interface DistributedQueries {
  /** Name to SQL. */
  readonly queries: StringMap;
  /** Name to SQL: the query of that name runs only if this one gives rows. */
  readonly discovery?: StringMap;
  /** Ask again every 5 s for so many seconds. */
  readonly accelerate?: number;
}

export interface DistributedResult {
  readonly query: string;
  /** 0 is success. */
  readonly status: number;
  readonly message: string;
  readonly rows: readonly StringMap[];
}

export interface DistributedSource {
  readonly name: string;
  queries(): DistributedQueries | Promise<DistributedQueries>;
  results(results: readonly DistributedResult[]): void | Promise<void>;
}

export function distributedPlugin(source: DistributedSource): Plugin {
  return {
    registry: 'distributed',
    name: source.name,
    call: async (request) => {
      switch (request.get('action')) {
        case 'getQueries':
          return { rows: [{ results: JSON.stringify(await source.queries()) }] };
        case 'writeResults':
          await source.results(decodeResults(request.get('results')));
          return { rows: [] };
        default:
          throw refuse(`distributed '${source.name}': no such action`);
      }
    },
  };
}

function decodeResults(json: string | undefined): DistributedResult[] {
  const all = object(parseJson(json, 'the results'), 'the results');
  const part = (key: string) => (all[key] === undefined ? {} : object(all[key], key));
  const queries = part('queries');
  const statuses = part('statuses');
  const messages = part('messages');
  const names = new Set([...Object.keys(queries), ...Object.keys(statuses)]);
  return [...names].map((query) => ({
    query,
    status: statuses[query] === undefined ? 0 : number(statuses[query]),
    message: text(messages[query]),
    rows: rows(queries[query]),
  }));
}

/** osquery writes "" where there are none. */
function rows(value: unknown): StringMap[] {
  if (value === undefined || value === '') return [];
  return array(value, 'the rows of a query').map((row) =>
    Object.fromEntries(
      Object.entries(object(row, 'a row')).map(([key, cell]) => [key, text(cell)]),
    ),
  );
}
