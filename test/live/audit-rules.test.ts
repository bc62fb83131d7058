/** `audit-rules` on the real kernel: nothing is changed but by --apply, and then what is printed is there. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AuditControl } from '../../native/audit-control.ts';
import { RuleAction, RuleList } from '../../native/audit-rule.ts';
import { AuditWorld, describeAudit } from './audit-world.ts';
import { run } from './collector-process.ts';

describeAudit('audit-rules', () => {
  let world: AuditWorld;
  beforeEach(() => {
    world = new AuditWorld();
  });
  afterEach(() => world.end());

  const rules = () => {
    const control = new AuditControl();
    try {
      return { rules: control.rules(), enabled: control.status().enabled };
    } finally {
      control.close();
    }
  };

  test('--check and --print change nothing; --check tells which tables stay empty', () => {
    const before = rules();
    const { status, stdout } = run(['audit-rules', '--check']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^audit_process_events: stays empty.* all 2 rules are missing$/m);
    expect(stdout).toMatch(/^audit_file_events: stays empty/m);
    expect(stdout).toMatch(/^audit_user_events: needs no rule$/m);
    expect(run(['audit-rules']).stdout).toBe(stdout);
    const printed = run(['audit-rules', '--print']);
    expect(printed.status).toBe(0);
    expect(printed.stdout).toMatch(
      /^-a always,exit -F arch=b64 -S execve,execveat -F key=procmon$/m,
    );
    expect(rules()).toEqual(before);
  });

  test('--apply: every rule that is printed is there, and again changes nothing', () => {
    world.control.setEnabled(false);
    const printed = run(['audit-rules', '--print'])
      .stdout.split('\n')
      .filter((line) => line.startsWith('-'));
    const { status, stdout } = run(['audit-rules', '--apply']);
    expect(status).toBe(0);
    expect(stdout.split('\n').filter((line) => line.startsWith('added: '))).toEqual(
      printed.map((line) => `added: ${line}`),
    );
    expect(rules().rules).toHaveLength(printed.length);
    expect(rules().enabled).toBe(1);
    expect(run(['audit-rules', '--apply'])).toMatchObject({
      status: 0,
      stdout: 'all rules were there\n',
    });
    expect(run(['audit-rules', '--check']).status).toBe(0);
  });

  const AUDITCTL = '/usr/sbin/auditctl';
  const testWithAuditctl = fs.existsSync(AUDITCTL) ? test : test.skip;

  testWithAuditctl('auditctl makes the same rules of what is printed', () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'rules-')), 'audit.rules');
    fs.writeFileSync(file, run(['audit-rules', '--print']).stdout);
    expect(spawnSync(AUDITCTL, ['-R', file]).status).toBe(0);
    const theirs = rules().rules;
    expect(run(['audit-rules', '--check']).status).toBe(0);
    world.clear();
    run(['audit-rules', '--apply']);
    expect(rules().rules).toEqual(theirs);
    fs.rmSync(path.dirname(file), { recursive: true });
  });

  test('never,task, as distributions have it: said, and left as it is', () => {
    world.control.addRule({
      list: RuleList.TASK,
      action: RuleAction.NEVER,
      syscalls: null,
      fields: [],
    });
    const { status, stdout } = run(['audit-rules', '--apply']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^note: no system call is recorded \(never,task\)/m);
    const kept = rules().rules.filter(({ action }) => action === RuleAction.NEVER);
    expect(kept).toHaveLength(1);
    const checked = run(['audit-rules', '--check']);
    expect(checked).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^note: no system/m),
    });
    expect(checked.stdout).not.toMatch(/^missing:/m);
  });
});
