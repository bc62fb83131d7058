/**
 * Packets that no client should send, on each real server while it is captured: what is in a row is right or
 * NULL, nobody crashes, and the ledger balances.
 */
import { toText } from '../../tables/events/text.ts';
import { CollectorProcess, type Row } from './collector-process.ts';
import { type LedgerRow, unaccounted } from './ledger.ts';
import { ALL, isInstalled, MysqlServer } from './mysql-server.ts';
import { Com, executeHead, longDataHead, MysqlWire } from './mysql-wire.ts';
import { describeLive } from './requires.ts';

const ANSWER_MS = 1500;
const SECRET = 'prepared /* of the victim */';

let collector: CollectorProcess;
let server: MysqlServer;

const rows = (where: string, count: number): Promise<Row[]> =>
  collector.rows(
    `SELECT * FROM mysql_queries WHERE pid = ${server.pid} AND (${where}) ORDER BY eid`,
    count,
    10_000,
  );

/** What the server answers, if it does: it may wait for the rest of what it was promised. */
const answered = (answer: Promise<unknown>): Promise<unknown> =>
  Promise.race([answer, new Promise((resolve) => setTimeout(resolve, ANSWER_MS))]);

const packetOf = (body: Buffer, length = body.length, sequence = 0): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUIntLE(length, 0, 3);
  head.writeUInt8(sequence, 3);
  return Buffer.concat([head, body]);
};

/** COM_QUIT, COM_SHUTDOWN; a change of user; binlog dumps and a replica's registration, which hold the connection. */
const ENDING = new Set([1, 8, 17, 18, 21, 30]);

const query = (text: string): Buffer => Buffer.concat([Buffer.of(Com.QUERY), Buffer.from(text)]);

/** A small random generator, so that a failure can be run again. */
function* randomBytes(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 24;
  }
}

for (const installed of ALL.filter(isInstalled))
  describeLive(`${installed.name}: packets that lie`, () => {
    let victim: MysqlWire;
    let victimId = 0;
    beforeAll(async () => {
      const on = { parameters: { mysql_queries: { on: true } }, mysql: { all_commands: true } };
      server = await MysqlServer.start(installed, '--max-allowed-packet=1048576');
      collector = await CollectorProcess.startWith(on);
      victim = await MysqlWire.connect(server.socket);
      await victim.ask(Com.QUERY, "DO 'victim'");
      const [row] = await rows("query = 'DO ''victim'''", 1);
      victimId = Number(row?.connection_id);
      await victim.prepare(`SELECT ?, '${SECRET}'`);
    }, 60_000);
    afterAll(async () => {
      victim.close();
      await collector.end();
      await server.stop();
    });

    /** On a connection of its own. @returns its rows but the first one, which names it */
    async function rowsAfter(name: string, act: (wire: MysqlWire) => Promise<void>, count: number) {
      const wire = await MysqlWire.connect(server.socket);
      await wire.ask(Com.QUERY, `DO '${name}'`);
      const [first] = await rows(`query = 'DO ''${name}'''`, 1);
      await act(wire);
      wire.close();
      if (count === 0) await new Promise((resolve) => setTimeout(resolve, 200)); // one that should not be
      const found = await rows(`connection_id = ${first?.connection_id}`, 1 + count);
      return found.slice(1);
    }

    test('executions that are too short, or of statements of others', async () => {
      const found = await rowsAfter(
        'short',
        async (wire) => {
          const { id } = await wire.prepare('SELECT ? + ?');
          const head = executeHead(id);
          for (const length of [0, 1, 3, 4, 5, 8, 9, 10]) {
            const packet = Buffer.concat([head, Buffer.of(0, 1, 3)]).subarray(0, length);
            await answered(wire.ask(Com.STMT_EXECUTE, packet));
          }
          await answered(wire.ask(Com.STMT_EXECUTE, executeHead(id + 1000)));
          for (const command of [Com.STMT_RESET, Com.STMT_FETCH])
            for (const length of [0, 2]) await answered(wire.ask(command, Buffer.alloc(length)));
          for (const length of [0, 3, 5])
            wire.send(Com.STMT_SEND_LONG_DATA, longDataHead(id, 0).subarray(0, length));
          wire.send(Com.STMT_CLOSE, Buffer.alloc(1));
          await answered(wire.ask(Com.QUERY, "DO 'last'"));
        },
        15,
      );
      const executions = found.filter((row) => row.command === 'COM_STMT_EXECUTE');
      expect(executions.map((row) => row.query)).toEqual([
        ...[null, null, null, ...Array(5).fill('SELECT ? + ?'), null],
      ]);
      for (const row of executions) expect([1210, 1243, 1835]).toContain(row.error_code); // and not what the one before it came to
      const others = ['PREPARE', 'RESET', 'RESET', 'FETCH', 'FETCH', 'CLOSE'];
      const texts = ['SELECT ? + ?', null, null, null, null, null];
      expect(
        found.filter((row) => !executions.includes(row)).map((row) => [row.command, row.query]),
      ).toEqual([
        ...others.map((command, i) => [`COM_STMT_${command}`, texts[i]]),
        ['COM_QUERY', "DO 'last'"],
      ]);
      expect(found.filter((row) => row.parameters !== null)).toEqual([]);
    }, 60_000);

    test('lengths that lie: a row of what the server took for the packet, no row of what it refused', async () => {
      const act = async (wire: MysqlWire) => {
        for (const packet of [
          packetOf(query('SELECT 1')),
          packetOf(Buffer.alloc(0)),
          packetOf(query('SELECT 2 -- more than it says'), 'xSELECT 2'.length),
        ]) {
          wire.raw(packet);
          await answered(wire.results());
        }
      };
      const found = await rowsAfter('lengths', act, 2);
      expect(found.map((row) => [row.query, row.query_length, row.rows_sent])).toEqual([
        ['SELECT 1', 8, 1],
        ['SELECT 2', 8, 1],
      ]);
      const larger = await rowsAfter(
        'larger than max_allowed_packet',
        async (wire) => {
          wire.raw(packetOf(Buffer.concat([query("SELECT '"), Buffer.alloc(2_000_000, 'x')])));
          await answered(wire.results());
        },
        0,
      );
      expect(larger).toEqual([]);
      const promised = await rowsAfter(
        'promised',
        async (wire) => wire.raw(packetOf(query('SELECT 3'), 500_000)),
        0,
      );
      expect(promised).toEqual([]);
    }, 60_000);

    test('every number that a command can have, with random bytes', async () => {
      const [newest] = await rows('true', 1).then((all) => all.slice(-1));
      const last = Number(newest?.connection_id);
      const random = randomBytes(0x6d7973);
      const sent = new Set<string | null>([null]);
      for (let command = 0; command < 256; command++) {
        if (ENDING.has(command)) continue;
        const size = random.next().value & 31;
        const bytes = Buffer.from(Array.from({ length: size }, () => random.next().value));
        sent
          .add(toText(bytes))
          .add(toText(bytes.subarray(0, bytes.indexOf(0) < 0 ? size : bytes.indexOf(0))));
        const wire = await MysqlWire.connect(server.socket);
        wire.send(command, bytes);
        const patience = new Promise((resolve) => setTimeout(resolve, 20));
        await Promise.race([wire.packet(), patience]);
        wire.close();
      }
      await victim.ask(Com.QUERY, "DO 'after the storm'");
      await rows(`connection_id = ${victimId} AND query LIKE '%storm%'`, 1);
      const found = await rows(`connection_id > ${last}`, 1);
      // A command that gives no text, or the very bytes that were sent: never those of another connection.
      expect(found.filter((row) => !sent.has(row.query as string | null))).toEqual([]);
      expect(found.filter((row) => row.parameters !== null)).toEqual([]);
      const named = new Set(found.map((row) => row.command));
      for (const command of ['QUERY', 'FIELD_LIST', 'STMT_EXECUTE', 'PROCESS_KILL', 'DEBUG'])
        expect(named).toContain(`COM_${command}`);
    }, 60_000);

    test('nobody crashed, and the ledger balances', () => {
      expect([collector.child.exitCode, server.child.exitCode]).toEqual([null, null]);
      expect(collector.stderr.trim().split('\n')).toHaveLength(1); // that it collects
      const [ring] = collector.query(
        "SELECT * FROM live_audit_rings WHERE table_name = 'mysql_queries'",
      );
      expect(unaccounted(ring as LedgerRow)).toBe(0);
      expect(Number(ring?.lost_decode)).toBe(0);
    });
  });
