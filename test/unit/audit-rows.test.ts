/** From records to rows: what this kernel said, and what the tables have in common. */
import fs from 'node:fs';
import path from 'node:path';
import { line, syscall } from '../fixtures/audit/lines.ts';
import { goldenJson, replay } from '../fixtures/audit/replay.ts';
import { only } from '../fixtures/audit/rows.ts';

const FIXTURES = path.resolve(__dirname, '../fixtures/audit');

describe('the records of Linux 6.18', () => {
  const recording = fs.readFileSync(path.join(FIXTURES, 'kernel.records'));

  test('give the rows that were read and found right', () => {
    expect(goldenJson(replay(recording).rows)).toBe(
      fs.readFileSync(path.join(FIXTURES, 'kernel.json'), 'utf8'),
    );
  });

  test('without a fault or a gap', () => {
    const { assembler, incomplete } = replay(recording);
    expect(assembler.faults).toEqual({ malformed: 0, unreadable: 0, repeated: 0 });
    expect(assembler.serials.missing).toBe(0);
    expect(incomplete).toEqual([]);
  });
});

describe('who and when', () => {
  test('every field of the SYSCALL record', () => {
    expect(
      only([
        line(
          'SYSCALL',
          syscall({ syscall: 41, key: '"k"', exit: -13, success: 'no' }),
          4_000_000_000,
        ),
      ]),
    ).toMatchObject({
      table: 'audit_process_events',
      time: 1_700_000_000,
      time_ns: 1_700_000_000_123_000_000n,
      serial: 4_000_000_000,
      pid: 200,
      ppid: 100,
      parent: 100,
      auid: 1000,
      uid: 1,
      gid: 2,
      euid: 3,
      suid: 4,
      fsuid: 5,
      egid: 6,
      sgid: 7,
      fsgid: 8,
      tty: 'pts3',
      session_id: 9,
      comm: 'sh',
      path: '/usr/bin/dash',
      key: 'k',
      syscall: 'socket',
      arch: 'x86_64',
      success: 0,
      exit: -13,
      truncated: 0,
    });
  });

  test('values in quotes, as programs write them that pass records on', () => {
    const fields = syscall({ items: 1 })
      .replace('success=yes', 'success="yes"')
      .replace('tty=pts3', 'tty="pts3"');
    expect(
      only([
        line('SYSCALL', fields),
        line('PATH', 'item=0 name="/f" inode=1 mode=0100644 ouid=0 ogid=0 nametype="CREATE"'),
      ]),
    ).toMatchObject({ success: 1, tty: 'pts3', path: '/f', truncated: 0 });
  });

  test('no login is 4294967295, also where an old kernel says -1', () => {
    const fields = syscall({ syscall: 41 })
      .replace('auid=1000', 'auid=-1')
      .replace('ses=9', 'ses=4294967295')
      .replace('tty=pts3', 'tty=(none)');
    expect(only([line('SYSCALL', fields)])).toMatchObject({
      auid: 4294967295,
      session_id: 4294967295,
      tty: null,
    });
  });

  test('a machine or a number without a name', () => {
    expect(only([line('SYSCALL', syscall({ arch: '80000016', syscall: 5 }))])).toMatchObject({
      arch: '80000016',
      syscall: '5',
    });
    expect(only([line('SYSCALL', syscall({ syscall: 9999 }))])).toMatchObject({
      arch: 'x86_64',
      syscall: '9999',
    });
  });

  test('what auditd adds to enriched records is not taken for theirs', () => {
    const enriched = `${syscall({ syscall: 41 })}\u001dARCH=x86_64 SYSCALL=socket AUID="root" UID="root" key="not" uid=99`;
    expect(only([line('SYSCALL', enriched)])).toMatchObject({ uid: 1, key: null });
  });
});
