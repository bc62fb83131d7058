/** What a plug-in is to osquery: a name in a registry, and a call that takes and gives maps of text. */
import type { StringMap } from './thrift/index.ts';

export interface PluginRequest {
  /** undefined where the key is missing. */
  get(key: string): string | undefined;
}

export interface PluginReply {
  readonly rows: readonly StringMap[];
  /** Not 0 is a failure, except where osquery takes a number this way (a logger's features). */
  readonly code?: number;
}

/** One that is no table. What `call` throws is a failure with its message, in one line. */
export interface Plugin {
  readonly registry: 'logger' | 'config' | 'distributed';
  readonly name: string;
  call(request: PluginRequest): PluginReply | Promise<PluginReply>;
}

/** A request from the wire: the keys of its prototype are none. */
export function pluginRequest(request: StringMap | null): PluginRequest {
  return {
    get: (key) => (request !== null && Object.hasOwn(request, key) ? request[key] : undefined),
  };
}
