/** A collector of audit records alone, with the kernel's audit as tests set it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AuditWorld } from './audit-world.ts';
import { CollectorProcess, type Row } from './collector-process.ts';

export const TABLES = ['audit_process_events', 'audit_file_events', 'audit_user_events'];
export const EXEC = ['execve', 'execveat'];

const CONFIG = {
  tables: { shell_history_live: false, postgres_queries: false, mysql_queries: false },
  ring_bytes: 128 * 1024 * 1024, // all that a test makes
};

export class AuditCollector {
  /** Of the test's own, removed at its end. */
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-'));
  readonly world = new AuditWorld();
  readonly #configBefore = process.env.LIVE_AUDIT_CONFIG;
  #process: CollectorProcess | null = null;

  static async start(): Promise<AuditCollector> {
    const audit = new AuditCollector();
    const config = path.join(audit.directory, 'config.json');
    fs.writeFileSync(config, JSON.stringify(CONFIG));
    process.env.LIVE_AUDIT_CONFIG = config;
    try {
      audit.#process = await CollectorProcess.start();
    } catch (error) {
      await audit.end();
      throw error;
    }
    return audit;
  }

  get process(): CollectorProcess {
    if (this.#process === null) throw new Error('not started');
    return this.#process;
  }

  async restart(signal: NodeJS.Signals, meanwhile: () => void = () => {}): Promise<void> {
    await this.process.stop(signal);
    meanwhile();
    this.#process = await this.process.restarted();
  }

  query(sql: string): Row[] {
    return this.process.query(sql);
  }

  async end(): Promise<void> {
    this.world.end();
    await this.#process?.end();
    if (this.#configBefore === undefined) delete process.env.LIVE_AUDIT_CONFIG;
    else process.env.LIVE_AUDIT_CONFIG = this.#configBefore;
    fs.rmSync(this.directory, { recursive: true });
  }

  ledger(table: string): Readonly<Record<string, number>> {
    const [row = {}] = this.query(`SELECT * FROM live_audit_rings WHERE table_name = '${table}'`);
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
  }

  /** Seen = stored + lost, in each table. */
  expectBalance(): void {
    for (const table of TABLES) {
      const ledger = this.ledger(table);
      const lost = Object.entries(ledger).filter(([name]) => name.startsWith('lost_'));
      const sum = lost.reduce((total, [, count]) => total + count, 0);
      expect({ table, seen: ledger.events_seen }).toEqual({
        table,
        seen: (ledger.events_stored ?? 0) + sum,
      });
      for (const [, count] of lost) expect(count).toBeGreaterThanOrEqual(0);
    }
  }

  /**
   * Say something until its row comes: all that was before it has been read. What is said may be lost, too.
   * @returns its serial number
   */
  async mark(name: string): Promise<number> {
    for (let n = 0; n < 10; n++) {
      const account = n === 0 ? name : `${name}-again-${n}`;
      const text = `op=mark acct="${account}" exe="/bin/x" hostname=? addr=? terminal=? res=success`;
      this.world.say(1100, text);
      const sql = `SELECT serial FROM audit_user_events WHERE account = '${account}'`;
      const [row] = await this.process.rows(sql, 1, 10_000);
      if (row) return Number(row.serial);
    }
    throw new Error(`${name} did not come`);
  }

  /** How many events there are between two serial numbers: one may have rows in several tables. */
  eventsBetween(from: number, to: number): number {
    const serials = TABLES.map((table) => `SELECT serial FROM ${table}`).join(' UNION ');
    const [row] = this.query(
      `SELECT count(*) AS n FROM (${serials}) WHERE serial > ${from} AND serial < ${to}`,
    );
    return Number(row?.n);
  }
}
