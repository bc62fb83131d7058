/** osquery's table plug-in: `call("table", NAME, {action})`. */
import { LiveAuditError } from '../../native/errors.ts';
import type { QueryContext, ServedTable } from './context.ts';
import { decodeContext } from './context-decoder.ts';
import type { PluginReply, PluginRequest } from './plugin.ts';
import { registryItems } from './routes.ts';
import type { StringMap } from './thrift/index.ts';
import { WRITE_ACTIONS, write } from './writable.ts';

/** Of a name that a stranger sent: as much as goes into an error line. */
const MAX_SHOWN = 80;

/** Rows are asked of `table`. */
export interface GenerateAnswer {
  readonly table: ServedTable;
  readonly context: QueryContext;
}

/** An answer that is small and ready, one to wait for, or one to generate. */
export type Answer = PluginReply | Promise<PluginReply> | GenerateAnswer;

export class TablePlugin {
  readonly #tables: ReadonlyMap<string, ServedTable>;
  readonly #items: { readonly [table: string]: StringMap[] };

  /** @throws LiveAuditError TABLE_SPEC */
  constructor(tables: readonly ServedTable[]) {
    this.#items = registryItems(tables.map(({ spec }) => spec));
    this.#tables = new Map(tables.map((table) => [table.spec.name, table]));
  }

  get items(): { readonly [table: string]: StringMap[] } {
    return this.#items;
  }

  get(name: string): ServedTable | undefined {
    return this.#tables.get(name);
  }

  /** @throws Error whose message is one line for the core */
  answer(table: ServedTable, request: PluginRequest): Answer {
    const { spec } = table;
    const action = request.get('action');
    switch (action) {
      case 'columns':
        return { rows: this.#items[spec.name] ?? [] };
      case 'generate':
        return { table, context: decodeContext(request.get('context'), spec) };
      default:
        if (WRITE_ACTIONS.has(action)) return write(spec, table.writer, request);
        throw new LiveAuditError(
          'PROTOCOL',
          `table '${spec.name}': no action ${JSON.stringify((action ?? '').slice(0, MAX_SHOWN))}`,
        );
    }
  }
}
