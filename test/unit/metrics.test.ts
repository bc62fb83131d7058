/** The ledger for Prometheus: what is said, how the file is replaced, who may ask the port. */
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Endpoint } from '../../extension/cli/metrics/endpoint.ts';
import { createExposition } from '../../extension/cli/metrics/exposition.ts';
import { replaceFile } from '../../extension/cli/metrics/file.ts';
import { startMetrics } from '../../extension/cli/metrics/metrics.ts';
import { readStatus } from '../../extension/cli/status/state.ts';
import { eventOf } from '../../tables/event.ts';
import { openTables } from '../../tables/index.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import { until } from '../live/collector-process.ts';

const directory = fs.mkdtempSync(path.join(tmpdir(), 'metrics-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));

const TIME = 1_795_000_000;
const writer = new RingWriter({ directory, spec, capacity: 65_536 });
afterAll(() => writer.close());
const append = () =>
  writer.append(
    eventOf(spec, { time: TIME, time_ns: BigInt(TIME) * 1_000_000_000n, command: 'x' }),
  );

/** Samples by name and labels, of the text format. */
function samples(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, series = '', value] = /^(\S+) (\S+)$/.exec(line) ?? [];
      return [series, Number(value)];
    }),
  );
}

test('totals of the ledger, as they stand at each reading', async () => {
  const exposition = await createExposition();
  const tables = openTables(directory);
  const read = async () => samples(await exposition.text(readStatus('1.2.3', directory, tables)));
  const of = (name: string, more = '') => `live_audit_${name}{table="${spec.name}"${more}}`;
  append();
  append();
  writer.count('events_seen', 5);
  writer.count('lost_decode', 3);
  fs.writeFileSync(
    path.join(directory, 'probes.json'),
    JSON.stringify([
      { table_name: spec.name, state: 'attached' },
      { table_name: spec.name, state: 'attached' },
      { table_name: spec.name, state: 'failed' },
    ]),
  );
  const first = await read();
  expect(Object.fromEntries(first)).toMatchObject({
    [of('events_seen_total')]: 5,
    [of('events_stored_total')]: 2,
    [of('events_overwritten_total')]: 0,
    [of('events_lost_total', ',reason="decode"')]: 3,
    [of('events_lost_total', ',reason="reserve"')]: 0,
    [of('ring_capacity_bytes')]: 65_536,
    [of('ring_oldest_event_timestamp_seconds')]: TIME,
    [of('probes', ',state="attached"')]: 2,
    [of('probes', ',state="failed"')]: 1,
    [of('probes', ',state="waiting"')]: 0,
    'live_audit_build_info{version="1.2.3"}': 1,
    live_audit_readers: 1,
  });
  append();
  writer.count('lost_decode', 1);
  const second = await read();
  expect(second.get(of('events_stored_total'))).toBe(3);
  expect(second.get(of('events_lost_total', ',reason="decode"'))).toBe(4);
  tables.close();
});

test('names keep the conventions: base units, counters end in _total, each has help and type', async () => {
  const exposition = await createExposition();
  const tables = openTables(directory);
  const text = await exposition.text(readStatus('1', directory, tables));
  tables.close();
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => ({
    name,
    type,
  }));
  expect(types.length).toBeGreaterThan(9);
  for (const { name, type } of types) {
    expect(name).toMatch(/^live_audit_[a-z_]+$/);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    expect(text).toMatch(new RegExp(`^# HELP ${name} [A-Z]`, 'm'));
  }
  expect(exposition.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
});

describe('the file', () => {
  test('is replaced whole, readable for others, and leaves nothing beside it', () => {
    const folder = fs.mkdtempSync(path.join(directory, 'file-'));
    const file = path.join(folder, 'live_audit.prom');
    const mask = process.umask(0o077);
    replaceFile(file, 'a 1\n');
    const { ino } = fs.statSync(file);
    replaceFile(file, 'a 2\n');
    process.umask(mask);
    expect(fs.readFileSync(file, 'utf8')).toBe('a 2\n');
    expect(fs.statSync(file).ino).not.toBe(ino);
    expect(fs.statSync(file).mode & 0o777).toBe(0o644);
    expect(fs.readdirSync(folder)).toEqual(['live_audit.prom']);
  });

  test('a link in the way is replaced, not followed', () => {
    const folder = fs.mkdtempSync(path.join(directory, 'link-'));
    const victim = path.join(folder, 'victim');
    fs.writeFileSync(victim, 'precious');
    const file = path.join(folder, 'live_audit.prom');
    fs.symlinkSync(victim, file);
    fs.symlinkSync(victim, `${file}.${process.pid}.new`);
    replaceFile(file, 'a 1\n');
    expect(fs.readFileSync(victim, 'utf8')).toBe('precious');
    expect(fs.lstatSync(file).isFile()).toBe(true);
  });
});

describe('the port', () => {
  const freePort = () =>
    new Promise<number>((resolve) => {
      const server = net.createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as net.AddressInfo;
        server.close(() => resolve(port));
      });
    });
  const ask = (port: number, url: string, options: http.RequestOptions = {}) =>
    new Promise<{ status: number | undefined; text: string; type: string | undefined }>(
      (resolve, reject) => {
        const request = http.request(
          { port, host: '127.0.0.1', path: url, agent: false, ...options },
          (response) => {
            let text = '';
            response.on('data', (data) => {
              text += data;
            });
            response.on('end', () =>
              resolve({
                status: response.statusCode,
                text,
                type: response.headers['content-type'],
              }),
            );
          },
        );
        request.on('error', reject).end();
      },
    );
  const answer = async () => ({ contentType: 'text/plain; version=0.0.4', text: 'a 1\n' });

  test.each([
    ['/metrics', {}, 200, 'a 1\n'],
    ['/metrics?x=1', { headers: { host: 'localhost:9100' } }, 200, 'a 1\n'],
    ['/metrics', { method: 'HEAD' }, 200, ''],
    ['/', {}, 404, ''],
    ['/metrics/x', {}, 404, ''],
    ['/metrics', { method: 'POST' }, 405, ''],
    ['/metrics', { headers: { host: 'evil.example' } }, 421, ''],
  ])('%s %j: %d', async (url, options, status, text) => {
    const port = await freePort();
    const endpoint = new Endpoint(port, answer, (error) => {
      throw error;
    });
    try {
      expect(await ask(port, url, options)).toMatchObject({ status, text });
    } finally {
      endpoint.close();
    }
    await expect(ask(port, url)).rejects.toThrow('ECONNREFUSED');
  });

  test('a port that is taken is said, and is no end', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as net.AddressInfo;
    const error = await new Promise<Error>((resolve) => {
      new Endpoint(port, answer, resolve);
    });
    expect(error.message).toContain('EADDRINUSE');
    taken.close();
  });
});

describe('of one process', () => {
  const start = (config: object, said: string[] = []) =>
    startMetrics({
      config: { interval: 1, ...config },
      stateDir: directory,
      log: (line) => said.push(line),
    });
  const lock = path.join(directory, 'collector.lock');
  const file = path.join(directory, 'one.prom');

  test('off by default: nothing is begun', () => expect(start({})).toBeNull());

  test('only who collects writes', async () => {
    const metrics = start({ file });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(fs.existsSync(file)).toBe(false);
    metrics?.stop();
    fs.writeFileSync(lock, `${process.pid}\n`);
  });

  test('a directory that is not there: one line with what to do, once', async () => {
    const said: string[] = [];
    const metrics = start({ file: path.join(directory, 'nowhere/x.prom') }, said);
    await until(() => said.length > 0).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 2200));
    metrics?.stop();
    expect(said).toEqual([expect.stringMatching(/^metrics: ENOENT.*nowhere.* \[METRICS\]: give/)]);
  });
});
