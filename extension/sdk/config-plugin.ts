/** osquery's config plug-in: `--config_plugin=NAME` (osquery 5.23, core/plugins/config.cpp). */
import { refuse } from './decode.ts';
import type { Plugin } from './plugin.ts';

export interface ConfigSource {
  readonly name: string;
  /** Name of a source → its config as JSON. osquery merges them. */
  config(): ConfigMap | Promise<ConfigMap>;
  /** A pack that the config names by `value`, as JSON. */
  pack?(name: string, value: string): string | Promise<string>;
}

export type ConfigMap = { readonly [source: string]: string };

export function configPlugin(source: ConfigSource): Plugin {
  return {
    registry: 'config',
    name: source.name,
    call: async (request) => {
      const action = request.get('action');
      if (action === 'genConfig') return { rows: [await source.config()] };
      if (action !== 'genPack') throw refuse(`config '${source.name}': no such action`);
      const name = request.get('name');
      const value = request.get('value');
      if (name === undefined || value === undefined) throw refuse('a pack without name or value');
      if (source.pack === undefined) throw refuse(`config '${source.name}' has no packs`);
      return { rows: [{ [name]: await source.pack(name, value) }] };
    },
  };
}
