/** What a pack is: the one source of the pack file, the Fleet queries and docs/packs.md (`npm run generate`). */

interface QueryBase {
  /** Unique over all packs: it is also the name of the consumer, without the pack's. */
  readonly name: string;
  /** One sentence: what a row is. */
  readonly description: string;
  /** What to look for in its rows, and what they do not show. */
  readonly why: string;
  /** What a run reads. */
  readonly cost: string;
  /** s */
  readonly interval: number;
}

/**
 * Rows are events, each logged once: the query says which columns and conditions, and gets its own
 * consumer (docs/decisions/2026-11-21-consumers.md).
 */
export interface EventQuery extends QueryBase {
  readonly kind: 'events';
  readonly table: string;
  /** Result columns, as SQL; eid and time come first by themselves. */
  readonly columns: readonly string[];
  /** Condition in SQL; none means every event. */
  readonly where?: string;
}

/** What is new in the result since the last run is logged, as osquery's difference finds it. */
export interface ChangeQuery extends QueryBase {
  readonly kind: 'changes';
  readonly sql: string;
}

/** The whole result is logged by each run. */
export interface SnapshotQuery extends QueryBase {
  readonly kind: 'snapshot';
  readonly sql: string;
}

export type PackQuery = EventQuery | ChangeQuery | SnapshotQuery;

export interface Pack {
  /** File name without `.conf`. */
  readonly name: string;
  readonly title: string;
  /** Markdown. */
  readonly about: string;
  /** The tables that must be there before osquery runs the pack. */
  readonly tables: readonly string[];
  readonly queries: readonly PackQuery[];
}

const MINUTE = 60;
export const EVERY = { minute: MINUTE, fiveMinutes: 5 * MINUTE, hour: 3600, day: 86_400 } as const;

/** Of event queries: the index is at the last event that was had. */
export const READS_NEW =
  'Reads the events since its last run, not the ring: 0.5 ms of CPU where there are none, 2 ms for a thousand.';

/** @param consumer left out, the query is one to try by hand: it reads the whole ring */
export function sqlOf(query: PackQuery, consumer?: string): string {
  if (query.kind !== 'events') return query.sql;
  const conditions = [
    ...(consumer === undefined ? [] : [`consumer = '${consumer}'`]),
    ...(query.where === undefined ? [] : [query.where]),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `SELECT ${['eid', 'time', ...query.columns].join(', ')} FROM ${query.table}${where}`;
}

/** The name under which a pack's query reads events. */
export const consumerOf = ({ name }: PackQuery): string => `pack_${name}`;

/** osquery does not run a pack before each of these gives a row. */
const discovery = (table: string): string =>
  `SELECT 1 FROM osquery_registry WHERE registry = 'table' AND name = '${table}' AND active = 1;`;

/** The pack as osquery reads it: JSON. */
export function packFile({ tables, queries }: Pack): string {
  const file = {
    platform: 'linux',
    discovery: tables.map(discovery),
    queries: Object.fromEntries(
      queries.map((query) => [
        query.name,
        {
          query: `${sqlOf(query, consumerOf(query))};`,
          interval: query.interval,
          description: query.description,
          ...(query.kind === 'snapshot' ? { snapshot: true } : { removed: false }),
          // One slow run must not end the collection for a day.
          denylist: false,
        },
      ]),
    ),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** The queries as Fleet's GitOps reads them: entries of a `queries` file. */
export function fleetQueries(packs: readonly Pack[]): readonly object[] {
  return packs.flatMap(({ title, queries }) =>
    queries.map((query) => ({
      name: `Live audit - ${title} - ${query.name}`,
      description: `${query.description} ${query.why}`,
      query: `${sqlOf(query, consumerOf(query))};`,
      platform: 'linux',
      interval: query.interval,
      logging: query.kind === 'snapshot' ? 'snapshot' : 'differential_ignore_removals',
      automations_enabled: true,
      observer_can_run: false,
    })),
  );
}
