import { decodeContext } from '../../extension/sdk/context-decoder.ts';
import { Manager } from '../../extension/sdk/manager.ts';
import { PluginSet } from '../../extension/sdk/plugin-set.ts';
import { ExtensionServer } from '../../extension/sdk/server.ts';
import { type GenerateRequest, Peer } from './peer.ts';
import { given, type Recorded, recorded, recordedRegistry, tables } from './recorded-tables.ts';

/** The values in it are of the machine: users, the time. */
const machineDependent = ({ sql }: Recorded): boolean => /\busers\b|unix_time/.test(sql);

test('the transcripts are all there', () => {
  expect(recorded).toHaveLength(39);
});

test('every recorded context decodes to the columns and operators in it', () => {
  for (const { requests } of recorded) {
    for (const { table, context } of requests) {
      const spec = tables.find((t) => t.spec.name === table)?.spec;
      if (spec === undefined) throw new Error(`no table ${table}`);
      const decoded = decodeContext(JSON.stringify(context), spec);
      expect(decoded.columns.map((c) => c.name).sort()).toEqual([...context.colsUsed].sort());
      const known = context.constraints.flatMap(({ name, list }) =>
        list
          .filter(({ op }) => [2, 4, 8, 16, 32].includes(op))
          .map(({ op, expr }) => ({ column: name, op, value: expr })),
      );
      expect(decoded.constraints).toEqual(known);
    }
  }
});

describe('each recorded statement through an independent core', () => {
  let peer: Peer;
  let server: ExtensionServer;
  const plugin = new PluginSet(tables);

  async function serve(registry = recordedRegistry): Promise<void> {
    peer = await Peer.start();
    const manager = new Manager(peer.socket);
    const uuid = await manager.registerExtension({ name: 'recorded', version: '1' }, registry);
    const path = `${peer.socket}.${uuid}`;
    server = new ExtensionServer({ path, uuid, plugin, log: () => {}, onShutdown: () => {} });
    await server.listen();
  }

  afterEach(async () => {
    await server.close();
    await peer.stop();
  });

  test('prints what osquery printed, with the requests that osquery sent', async () => {
    await serve();
    for (const statement of recorded) {
      const { rows, requests } = await peer.sql(statement.sql);
      if (statement.rows !== null) {
        expect({ sql: statement.sql, rows }).toEqual({ sql: statement.sql, rows: statement.rows });
      }
      if (machineDependent(statement)) continue;
      expect({ sql: statement.sql, requests: requests.map(shape) }).toEqual({
        sql: statement.sql,
        requests: statement.requests.map(shape),
      });
    }
  });

  test('prints the same with our own routes, and push-down spares rows', async () => {
    await serve(plugin.registry);
    given.rows = 0;
    let without = 0;
    for (const statement of recorded) {
      const { rows, requests } = await peer.sql(statement.sql);
      without += requests.reduce((sum, r) => sum + (r.table === 'postgres_queries' ? 3 : 5), 0);
      if (statement.rows === null) continue;
      expect({ sql: statement.sql, rows }).toEqual({ sql: statement.sql, rows: statement.rows });
    }
    expect(given.rows).toBeGreaterThan(0);
    expect(given.rows).toBeLessThan(without * 0.7);
  });

  test('text compared without case is found although osquery pushes a plain =', async () => {
    await serve();
    const { rows } = await peer.sql(
      "select eid from shell_history_live where shell = 'BASH' collate nocase",
    );
    expect(rows).toHaveLength(5);
  });
});

/** Columns of a set come in any order, and so do the constraints on one column. */
const shape = ({ table, context }: GenerateRequest) => ({
  table,
  constraints: context.constraints.map(({ list, ...rest }) => ({
    ...rest,
    list: [...list].sort((a, b) => a.op - b.op || a.expr.localeCompare(b.expr)),
  })),
  colsUsed: [...context.colsUsed].sort(),
  colsUsedBitset: context.colsUsedBitset,
});
