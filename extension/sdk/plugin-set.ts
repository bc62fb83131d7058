/** All that an extension serves: tables, and plug-ins of other registries. */
import { LiveAuditError } from '../../native/errors.ts';
import type { ServedTable } from './context.ts';
import { type Plugin, pluginRequest } from './plugin.ts';
import { type Answer, TablePlugin } from './table-plugin.ts';
import type { Registry, StringMap } from './thrift/index.ts';

const TABLE_REGISTRY = 'table';
/** Of a name that a stranger sent: as much as goes into an error line. */
const MAX_SHOWN = 80;

export class PluginSet {
  readonly #tables: TablePlugin;
  readonly #plugins: readonly Plugin[];

  /** @throws LiveAuditError TABLE_SPEC */
  constructor(tables: readonly ServedTable[], plugins: readonly Plugin[] = []) {
    this.#tables = new TablePlugin(tables);
    this.#plugins = plugins;
    const names = new Set(plugins.map(({ registry, name }) => `${registry} ${name}`));
    if (names.size < plugins.length) {
      throw new LiveAuditError('TABLE_SPEC', 'two plug-ins of one registry have the same name');
    }
  }

  /** What a registration carries. Only tables have something to be described by. */
  get registry(): Registry {
    const registry: { [name: string]: { [item: string]: StringMap[] } } = {
      [TABLE_REGISTRY]: this.#tables.items,
    };
    for (const { registry: name, name: item } of this.#plugins)
      registry[name] = { ...registry[name], [item]: [] };
    return registry;
  }

  /** @throws Error whose message is one line for the core */
  answer(registry: string | null, item: string | null, given: StringMap | null): Answer {
    const request = pluginRequest(given);
    const table = registry === TABLE_REGISTRY ? this.#tables.get(item ?? '') : undefined;
    if (table !== undefined) return this.#tables.answer(table, request);
    const plugin = this.#plugins.find((one) => one.registry === registry && one.name === item);
    if (plugin !== undefined) return plugin.call(request);
    throw new LiveAuditError('PROTOCOL', `no ${shown(registry)} plug-in ${shown(item)} here`);
  }
}

const shown = (text: string | null): string => JSON.stringify((text ?? '').slice(0, MAX_SHOWN));
