/** Which rules of the kernel are as good as ours. */
import {
  type AuditRule,
  RuleAction,
  RuleField,
  RuleList,
  RulePermission,
} from '../../native/audit-rule.ts';
import { ALL_NEVER, hindrances, isThere, wantedRules } from '../../tables/audit/rules.ts';

const wanted = (text: string) => {
  const found = wantedRules().find((rule) => rule.text.startsWith(text));
  if (!found) throw new Error(`no rule ${text}`);
  return found;
};
const exec = wanted('-a always,exit -F arch=b64');
const passwd = wanted('-w /etc/passwd');

const change = (rule: AuditRule, more: Partial<AuditRule>): AuditRule => ({ ...rule, ...more });
const withField = (
  rule: AuditRule,
  field: number,
  value: number | string,
  isEqual = true,
): AuditRule => ({
  ...rule,
  fields: [...rule.fields.filter((other) => other.field !== field), { field, isEqual, value }],
});

test('both machines of this kernel, and every rule has a key of its own kind', () => {
  const rules = wantedRules();
  expect(
    rules.filter(({ table }) => table === 'audit_process_events').map(({ text }) => text),
  ).toEqual([
    '-a always,exit -F arch=b64 -S execve,execveat -F key=procmon',
    '-a always,exit -F arch=b32 -S execve,execveat -F key=procmon',
  ]);
  expect(new Set(rules.map(({ text }) => text)).size).toBe(rules.length);
});

test.each<[string, AuditRule, boolean]>([
  ['the same', exec.rule, true],
  ['another key', withField(exec.rule, RuleField.KEY, 'mine'), true],
  ['all system calls', change(exec.rule, { syscalls: null }), true],
  ['every machine', change(exec.rule, { fields: [] }), true],
  ['another machine', withField(exec.rule, RuleField.ARCH, 1), false],
  ['every machine but this', withField(exec.rule, RuleField.ARCH, 0xc000_003e, false), false],
  ['execve alone', change(exec.rule, { syscalls: [59] }), false],
  ['one user only', withField(exec.rule, 1, 1000), false],
  ['never', change(exec.rule, { action: RuleAction.NEVER }), false],
  ['of processes that are made', change(exec.rule, { list: RuleList.TASK }), false],
])('programs that are run: %s', (_, rule, there) => {
  expect(isThere(exec, [passwd.rule, rule])).toBe(there);
});

test.each<[string, AuditRule, boolean]>([
  ['the same', passwd.rule, true],
  [
    'more permissions',
    withField(passwd.rule, RuleField.PERM, RulePermission.r | RulePermission.w | RulePermission.a),
    true,
  ],
  ['fewer permissions', withField(passwd.rule, RuleField.PERM, RulePermission.w), false],
  ['another file', withField(passwd.rule, RuleField.WATCH, '/etc/hosts'), false],
])('a watched file: %s', (_, rule, there) => {
  expect(isThere(passwd, [exec.rule, rule])).toBe(there);
});

describe('what rules of others keep out', () => {
  const never = (list: number, fields: AuditRule['fields'] = []): AuditRule => ({
    ...{ list, action: RuleAction.NEVER, syscalls: null, fields },
  });
  const key = { field: RuleField.KEY, isEqual: true, value: 'quiet' };

  test.each<[string, AuditRule, readonly (string | RegExp)[]]>([
    ['always,exit: nothing', exec.rule, []],
    ['never,task: all', never(RuleList.TASK), [ALL_NEVER]],
    ['never,task of some', never(RuleList.TASK, [key]), [/some processes .*key quiet/]],
    ['never,exit', never(RuleList.EXIT, [key]), [/some system calls .*key quiet/]],
    ['exclude', never(RuleList.EXCLUDE), [/some records .*exclude/]],
    ['of a list that we do not know', never(9), []],
  ])('%s', (_, rule, lines) => {
    expect(hindrances([rule])).toEqual(
      lines.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line))),
    );
  });
});
