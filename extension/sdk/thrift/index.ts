/**
 * The generated classes, with the types that they have when read by BinaryReader: an i64 is a bigint,
 * and every field may be null because the other side may leave it out.
 */

import type { BinaryReader } from './binary-reader.ts';
import type { BinaryWriter } from './binary-writer.ts';
import extension from './gen/Extension.js';
import extensionManager from './gen/ExtensionManager.js';

export const ExtensionCode = { SUCCESS: 0, FAILED: 1, FATAL: 2 } as const;

/** Column or key to text; a missing key is NULL. */
export type StringMap = { readonly [key: string]: string };
/** Registry name to item name to what describes the item. */
export type Registry = { readonly [registry: string]: { readonly [item: string]: StringMap[] } };

export interface ExtensionInfo {
  readonly name: string | null;
  readonly version: string | null;
  readonly sdk_version: string | null;
  readonly min_sdk_version: string | null;
}

export interface OptionInfo {
  readonly value: string | null;
  readonly default_value: string | null;
  readonly type: string | null;
}

export interface Status {
  readonly code: number | null;
  readonly message: string | null;
  readonly uuid: bigint | null;
}

export interface Response {
  readonly status: Status | null;
  readonly response: StringMap[] | null;
}

type Callback<T> = (error: Error | null, result?: T) => void;

/** What the generated Processor calls. A callback, not a promise: it replies in the same tick. */
export interface ExtensionHandler {
  ping(reply: Callback<Status>): void;
  call(
    registry: string | null,
    item: string | null,
    request: StringMap | null,
    reply: Callback<Response>,
  ): void;
  shutdown(reply: Callback<undefined>): void;
}

export interface Processor {
  process(input: BinaryReader, output: BinaryWriter): void;
}

/** Methods of the generated manager client. */
export interface ManagerMethods {
  ping(): Promise<Status>;
  extensions(): Promise<{ readonly [uuid: string]: ExtensionInfo }>;
  options(): Promise<{ readonly [name: string]: OptionInfo }>;
  registerExtension(info: ExtensionInfo, registry: Registry): Promise<Status>;
  deregisterExtension(uuid: bigint): Promise<Status>;
  query(sql: string): Promise<Response>;
  getQueryColumns(sql: string): Promise<Response>;
}

/** Methods of the generated extension client. */
export interface ExtensionMethods {
  ping(): Promise<Status>;
  call(registry: string, item: string, request: StringMap): Promise<Response>;
  shutdown(): Promise<void>;
}

/** What the generated manager Processor calls. */
export interface ManagerHandler extends Pick<ExtensionHandler, 'ping'> {
  extensions(reply: Callback<{ readonly [uuid: string]: ExtensionInfo }>): void;
  options(reply: Callback<{ readonly [name: string]: OptionInfo }>): void;
  registerExtension(
    info: ExtensionInfo | null,
    registry: Registry | null,
    reply: Callback<Status>,
  ): void;
  deregisterExtension(uuid: bigint | null, reply: Callback<Status>): void;
  query(sql: string | null, reply: Callback<Response>): void;
  getQueryColumns(sql: string | null, reply: Callback<Response>): void;
}

type Receiver = (input: BinaryReader, mtype: number, seqid: number) => void;

/**
 * A generated client: `transport.flush` is called when a request is whole; each request gets a new `writer`, and its
 * promise settles in `recv_<method>`.
 */
export type GeneratedClient<M> = M & {
  readonly [name in `recv_${Extract<keyof M, string>}`]: Receiver;
};
export type ClientClass<M> = new (
  transport: { flush(): void },
  writer: new () => BinaryWriter,
) => GeneratedClient<M>;

// The compiler's declarations name npm thrift's own transports and Int64, which we do without.
export const ExtensionProcessor = extension.Processor as unknown as new (
  handler: ExtensionHandler,
) => Processor;
export const ManagerProcessor = extensionManager.Processor as unknown as new (
  handler: ManagerHandler,
) => Processor;
export const ExtensionClientClass = extension.Client as unknown as ClientClass<ExtensionMethods>;
export const ManagerClientClass = extensionManager.Client as unknown as ClientClass<ManagerMethods>;
