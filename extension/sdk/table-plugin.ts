/** osquery's table plug-in: `call("table", NAME, {action})`. */
import { LiveAuditError } from '../../native/errors.ts';
import type { QueryContext, Table } from './context.ts';
import { decodeContext } from './context-decoder.ts';
import { registryItems } from './routes.ts';
import type { Registry, StringMap } from './thrift/index.ts';

export const TABLE_REGISTRY = 'table';

/** Of a name that a stranger sent: as much as goes into an error line. */
const MAX_SHOWN = 80;

/** Rows are asked of `table`. */
export interface GenerateAnswer {
  readonly table: Table;
  readonly context: QueryContext;
}

/** An answer that is small and ready, or one to generate. */
export type Answer = { readonly rows: StringMap[] } | GenerateAnswer;

export class TablePlugin {
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #items: { readonly [table: string]: StringMap[] };

  /** @throws LiveAuditError TABLE_SPEC */
  constructor(tables: readonly Table[]) {
    this.#items = registryItems(tables.map(({ spec }) => spec));
    this.#tables = new Map(tables.map((table) => [table.spec.name, table]));
  }

  /** What a registration carries. */
  get registry(): Registry {
    return { [TABLE_REGISTRY]: this.#items };
  }

  /** @throws Error whose message is one line for the core */
  answer(registry: string | null, item: string | null, request: StringMap | null): Answer {
    const table = registry === TABLE_REGISTRY ? this.#tables.get(item ?? '') : undefined;
    if (table === undefined) {
      throw new LiveAuditError('PROTOCOL', `no ${shown(registry)} plug-in ${shown(item)} here`);
    }
    const { spec } = table;
    // A map from the wire: its prototype's keys are not answers.
    const argument = (key: string): string | undefined =>
      request !== null && Object.hasOwn(request, key) ? request[key] : undefined;
    const action = argument('action');
    switch (action) {
      case 'columns':
        return { rows: this.#items[spec.name] ?? [] };
      case 'generate':
        return { table, context: decodeContext(argument('context'), spec) };
      default:
        throw new LiveAuditError('PROTOCOL', `table '${spec.name}': no action ${shown(action)}`);
    }
  }
}

const shown = (text: string | null | undefined): string =>
  JSON.stringify((text ?? '').slice(0, MAX_SHOWN));
