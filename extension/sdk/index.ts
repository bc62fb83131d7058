/** The package `osquery-extension`: an extension of osquery in TypeScript. */
export {
  ERROR_CODES,
  LiveAuditError as ExtensionError,
  type LiveAuditErrorCode as ErrorCode,
} from '../../native/errors.ts';
export { type ConfigMap, type ConfigSource, configPlugin } from './config-plugin.ts';
export {
  type CellSink,
  type Constraint,
  type EncodableRow,
  Operator,
  type QueryContext,
  type Row,
  type ServedTable,
  type Table,
} from './context.ts';
export {
  type DistributedQueries,
  type DistributedResult,
  type DistributedSource,
  distributedPlugin,
} from './distributed-plugin.ts';
export { type ExtensionOptions, type LeaveReason, serveExtension } from './extension.ts';
export { type Logger, loggerPlugin, type StatusLine } from './logger-plugin.ts';
export { type Extension, Manager, type ManagerOptions } from './manager.ts';
export type { Plugin, PluginReply, PluginRequest } from './plugin.ts';
export { equals, fold, matcher, type Range, range } from './push-down.ts';
export {
  type ColumnSpec,
  type ColumnType,
  defineTable,
  type RowOf,
  type TableAttributes,
  type TableSpec,
  type Value,
} from './spec.ts';
export type { StringMap } from './thrift/index.ts';
export { ConstraintError, type TableWriter, type WrittenRow } from './writable.ts';
