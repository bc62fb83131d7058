/** postgres_queries of old connections, unknown builds, and servers in containers. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CollectorProcess, until } from './collector-process.ts';
import { attached } from './postgres-attached.ts';
import { installedPostgres, PostgresServer, stopServers } from './postgres-server.ts';
import { PostgresWire } from './postgres-wire.ts';
import { describeLive } from './requires.ts';

const USER = { user: 'postgres', database: 'postgres' };
const installed = installedPostgres();
const the = (name: string) => {
  const found = installed.find((server) => server.name === name);
  if (!found) throw new Error(`PostgreSQL ${name} is not installed`);
  return found;
};

afterAll(stopServers);

describeLive('postgres_queries of connections and servers of all kinds', () => {
  test('connections that are older than the capture: user, database, client, application', async () => {
    const servers = await Promise.all(['10', '18'].map((name) => PostgresServer.start(the(name))));
    const wires = await Promise.all(
      servers.map((server) =>
        PostgresWire.connect(server.port, { ...USER, application_name: 'old' }),
      ),
    );
    for (const wire of wires) {
      wire.query('select 1').parse('named', 'select 2');
      wire.sync();
      await wire.ready();
      await wire.ready();
    }
    const collector = await CollectorProcess.start();
    try {
      for (const { installed } of servers) await attached(collector, installed);
      for (const wire of wires) {
        wire.bind('', 'named').execute('', 0).sync();
        await wire.ready();
        wire.query("set application_name to 'new'").query('select 3');
        await wire.ready();
        await wire.ready();
      }
      for (const [i, wire] of wires.entries()) {
        const sql = `SELECT * FROM postgres_queries WHERE pid = ${wire.pid} ORDER BY eid`;
        const rows = await collector.rows(sql, 3, 30_000);
        const common = {
          ...{ user: 'postgres', database: 'postgres', client_address: '127.0.0.1' },
          ...{ client_port: wire.localPort, server_path: `${servers[i]?.installed.bin}/postgres` },
        };
        expect(rows).toMatchObject([
          { ...common, query: 'select 2', statement_name: 'named', application_name: 'old' },
          { ...common, query: "set application_name to 'new'" },
          { ...common, query: 'select 3', application_name: 'new' },
        ]);
        expect(String(rows[0]?.server_version)).toMatch(
          new RegExp(`^${servers[i]?.installed.major}\\.`),
        );
      }
      // A collector that comes later knows them, although nothing of them changed.
      await collector.stop();
      for (const wire of wires) wire.query('select 4');
      for (const wire of wires) await wire.ready();
      const next = await collector.restarted();
      for (const wire of wires) {
        const sql = `SELECT * FROM postgres_queries WHERE pid = ${wire.pid} AND query = 'select 4'`;
        expect(await next.rows(sql, 1, 30_000)).toMatchObject([
          { user: 'postgres', database: 'postgres', application_name: 'new' },
        ]);
        wire.end();
      }
      await next.stop();
    } finally {
      await collector.end();
    }
    await Promise.all(servers.map((server) => server.stop()));
  }, 240_000);

  describe('builds that are not known', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'la-pg-'));
    afterAll(() => fs.rmSync(folder, { recursive: true }));

    /** Debian's with other texts at some places. */
    function build(name: string, changes: readonly (readonly [string, string])[]) {
      const bin = path.join(folder, name);
      fs.mkdirSync(bin, { recursive: true });
      fs.chmodSync(folder, 0o755);
      const bytes = fs.readFileSync(path.join(the('Debian 15').bin, 'postgres'));
      for (const [from, to] of changes) {
        const at = bytes.indexOf(from);
        expect(at).toBeGreaterThan(0);
        bytes.write(to, at, 'latin1');
      }
      fs.writeFileSync(path.join(bin, 'postgres'), bytes, { mode: 0o755 });
      return { ...the('Debian 15'), name, bin, initdb: the('Debian 15').bin };
    }

    test.each([
      {
        name: 'another version',
        changes: [['postgres (PostgreSQL) 15.', 'postgres (PostgreSQL) 99.']],
        rows: [
          { query: 'select 17', protocol: 'simple', command_tag: null, rows: null },
          { query: 'select 1/0', protocol: null, command_tag: null, sqlstate: null, error: null },
          { query: 'select 18', protocol: 'extended', command_tag: null, statement_name: '' },
        ],
        said: /no known version .*: without command_tag/,
      },
      {
        name: 'no geterrcode',
        changes: [['\0geterrcode\0', '\0gotnocodes\0']],
        rows: [
          { query: 'select 17', protocol: 'simple', command_tag: 'SELECT', rows: 1 },
          { query: 'select 18', protocol: 'extended', command_tag: 'SELECT', rows: 1 },
        ],
        said: /no errordata: without failed statements/,
      },
      {
        name: 'no GetPortalByName',
        changes: [['\0GetPortalByName\0', '\0GotPortalByName\0']],
        rows: [
          { query: 'select 17', command_tag: 'SELECT' },
          { query: 'select 1/0', sqlstate: '22012', error: 'division by zero' },
          { query: 'select 18', protocol: 'extended', command_tag: 'SELECT', statement_name: '' },
        ],
        said: /no PortalHashTable: without statement_name for one probe hit/,
      },
      {
        name: 'neither GetPortalByName nor SetRemoteDestReceiverParams',
        changes: [
          ['\0GetPortalByName\0', '\0GotPortalByName\0'],
          ['\0SetRemoteDestReceiverParams\0', '\0SetRemoteDestReceiverNothing\0'],
        ],
        rows: [
          { query: 'select 17', command_tag: 'SELECT' },
          { query: 'select 1/0', sqlstate: '22012', error: 'division by zero' },
          { query: 'select 18', protocol: 'extended', command_tag: 'SELECT', statement_name: null },
        ],
        said: /SetRemoteDestReceiverParams/,
      },
    ] as const)(
      '$name: what is not known is NULL, and said',
      async ({ name, changes, rows, said }) => {
        const changed = build(name.replaceAll(' ', '-'), changes);
        const collector = await CollectorProcess.start();
        const server = await PostgresServer.start(changed);
        try {
          const target = `${changed.bin}/postgres`;
          const probes = () =>
            collector.query(`SELECT * FROM live_audit_probes WHERE target = '${target}'`);
          await until(
            () => probes().length > 0 && probes().every(({ state }) => state !== 'waiting'),
          );
          const wire = await PostgresWire.connect(server.port, USER);
          wire.query('select 17').query('select 1/0');
          wire.parse('', 'select 18').bind('', '').execute('', 0).sync();
          for (let n = 0; n < 3; n++) await wire.ready();
          wire.end();
          const sql = `SELECT * FROM postgres_queries WHERE pid = ${wire.pid} ORDER BY eid`;
          const found = await collector.rows(sql, rows.length, 30_000);
          const common = { user: 'postgres', database: 'postgres', client_port: wire.localPort };
          expect(found).toMatchObject(rows.map((row) => ({ ...row, ...common })));
          expect(found.every(({ duration }) => Number(duration) > 0)).toBe(true);
          expect(
            probes()
              .map(({ symbol, last_error }) => `${symbol}: ${last_error}`)
              .join('\n'),
          ).toMatch(said);
        } finally {
          await server.stop();
          await collector.end();
        }
      },
      60_000,
    );
  });

  test('a server in a namespace and a cgroup of its own', async () => {
    const id = 'ab'.repeat(32);
    const [root = ''] = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].filter((dir) =>
      fs.existsSync(dir),
    );
    const cgroup = path.join(root, `docker-${id}.scope`);
    const collector = await CollectorProcess.start();
    const enter = `mkdir -p ${cgroup} && echo $$ > ${cgroup}/cgroup.procs; exec "$@"`;
    const wrapper = ['sh', '-c', enter, 'sh', 'unshare', '--mount', '--uts'];
    const server = await PostgresServer.start(the('16'), {}, wrapper);
    try {
      await attached(collector, server.installed);
      const wire = await PostgresWire.connect(server.port, USER);
      wire.query('select 19');
      await wire.ready();
      const sql = `SELECT * FROM postgres_queries WHERE pid = ${wire.pid}`;
      const rows = await collector.rows(sql, 1, 30_000);
      expect(rows).toMatchObject([{ query: 'select 19', container_id: id }]);
      wire.end();
    } finally {
      await server.stop();
      await collector.end();
      fs.rmdirSync(cgroup);
    }
  }, 240_000);
});
