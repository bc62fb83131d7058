/** Serial numbers that did not come. */
import { world } from '../fixtures/audit/clock.ts';
import { syscall } from '../fixtures/audit/lines.ts';

const exec = syscall({ syscall: 59, exit: 0 });

describe('serial numbers that did not come', () => {
  const see = (w: ReturnType<typeof world>, ...serials: number[]) => {
    for (const serial of serials) {
      w.put('SYSCALL', exec, serial);
      w.put('EOE', '', serial);
    }
  };

  test('none, where all came', () => {
    const w = world();
    see(w, 7, 8, 9);
    w.wait(5000);
    expect(w.assembler.serials.missing).toBe(0);
  });

  test('are counted once they are two seconds late', () => {
    const w = world();
    see(w, 7, 10);
    w.wait(1999);
    expect(w.assembler.serials.missing).toBe(0);
    w.wait(1);
    expect(w.assembler.serials.missing).toBe(2);
  });

  test('a late one is none; one that is later than that does not make the count less', () => {
    const w = world();
    see(w, 7, 12, 10);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(3); // 8, 9 and 11
    see(w, 9);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(3);
  });

  test('over the end of 32 bits', () => {
    const w = world();
    see(w, 0xffff_fffe, 1);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(2); // 4294967295 and 0
    expect(w.assembler.serials.next).toBe(2);
  });

  test('from what a collector before knew', () => {
    const w = world(100);
    see(w, 150);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(50);
  });

  test('a later boot begins anew, and is no gap', () => {
    const w = world();
    w.put('SYSCALL', exec, 90_000, 1_700_000_000_000);
    w.put('EOE', '', 90_000, 1_700_000_000_000);
    for (const serial of [3, 4, 6]) {
      w.put('SYSCALL', exec, serial, 1_700_000_100_000);
      w.put('EOE', '', serial, 1_700_000_100_000);
    }
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(1); // 5
  });

  test('auditd’s own records are not among them', () => {
    const w = world();
    see(w, 7);
    w.put('DAEMON_ROTATE', 'op=rotate-logs auid=0 pid=1 res=success', 4711);
    see(w, 8);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(0);
  });
});
