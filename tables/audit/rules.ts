/**
 * The audit rules that fill the tables: which they are, what they look like to auditctl(8), and whether the
 * kernel has them. A rule of somebody else that records as much is as good as ours.
 */
import fs from 'node:fs';
import {
  type AuditRule,
  RuleAction,
  RuleField,
  RuleList,
  RulePermission,
} from '../../native/audit-rule.ts';
import { AUDIT_ARCH, type Machine, syscallNumber } from './names.ts';
import type { AuditTable } from './rows.ts';

export interface WantedRule {
  readonly table: AuditTable;
  /** As auditctl and the files in /etc/audit/rules.d take it. */
  readonly text: string;
  readonly rule: AuditRule;
  /** A directory that a rule is about must be there. */
  readonly directory?: string;
}

const EXEC_KEY = 'procmon';
const EXEC_CALLS = ['execve', 'execveat'];

/** What is worth watching on any Linux: who wrote to it or changed its rights. A path with `/` at its end is a directory. */
const WATCHES: Readonly<Record<string, readonly string[]>> = {
  identity: ['/etc/passwd', '/etc/group', '/etc/shadow', '/etc/gshadow', '/etc/security/opasswd'],
  sudoers: ['/etc/sudoers', '/etc/sudoers.d/'],
  pam: ['/etc/pam.d/'],
  sshd: ['/etc/ssh/', '/root/.ssh/'],
  cron: ['/etc/crontab', '/etc/cron.d/', '/etc/cron.daily/', '/var/spool/cron/'],
  systemd: ['/etc/systemd/system/'],
  preload: ['/etc/ld.so.preload', '/etc/ld.so.conf', '/etc/ld.so.conf.d/'],
  auditconfig: ['/etc/audit/'],
};
const WATCHED = 'wa';

/** The two that a 64-bit kernel runs, by auditctl's names for them. */
function arches(): readonly (readonly ['b64' | 'b32', Machine, number])[] {
  return process.arch === 'arm64'
    ? [
        ['b64', 'aarch64', AUDIT_ARCH.aarch64],
        ['b32', 'arm', AUDIT_ARCH.arm],
      ]
    : [
        ['b64', 'x86_64', AUDIT_ARCH.x86_64],
        ['b32', 'i386', AUDIT_ARCH.i386],
      ];
}

const equal = (field: number, value: number | string) => ({ field, isEqual: true, value });

function execRules(): WantedRule[] {
  return arches().map(([bits, machine, arch]) => ({
    table: 'audit_process_events',
    text: `-a always,exit -F arch=${bits} -S ${EXEC_CALLS.join(',')} -F key=${EXEC_KEY}`,
    rule: {
      list: RuleList.EXIT,
      action: RuleAction.ALWAYS,
      syscalls: EXEC_CALLS.map((name) => syscallNumber(machine, name)).filter((n) => n !== null),
      fields: [equal(RuleField.ARCH, arch), equal(RuleField.KEY, EXEC_KEY)],
    },
  }));
}

function watchRule(key: string, path: string): WantedRule {
  const isDirectory = path.endsWith('/');
  const name = isDirectory ? path.slice(0, -1) : path;
  const permissions = RulePermission.w | RulePermission.a;
  return {
    table: 'audit_file_events',
    text: `-w ${name} -p ${WATCHED} -k ${key}`,
    rule: {
      list: RuleList.EXIT,
      action: RuleAction.ALWAYS,
      syscalls: null,
      fields: [
        equal(isDirectory ? RuleField.DIR : RuleField.WATCH, name),
        equal(RuleField.PERM, permissions),
        equal(RuleField.KEY, key),
      ],
    },
    ...(isDirectory ? { directory: name } : {}),
  };
}

/** All of them, in the order in which they are given to the kernel. */
export const wantedRules = (): WantedRule[] => [
  ...execRules(),
  ...Object.entries(WATCHES).flatMap(([key, paths]) => paths.map((path) => watchRule(key, path))),
];

/** Whether the kernel takes it: a directory must be there, and so must the one that a file is in. */
export function isPossible({ directory, rule }: WantedRule): boolean {
  if (directory !== undefined) return fs.existsSync(directory);
  const watch = rule.fields.find(({ field }) => field === RuleField.WATCH)?.value;
  return typeof watch !== 'string' || fs.existsSync(watch.slice(0, watch.lastIndexOf('/')) || '/');
}

/** Whether one of the kernel's rules records all that the wanted one does. */
export const isThere = (wanted: WantedRule, rules: readonly AuditRule[]): boolean =>
  rules.some((rule) => covers(rule, wanted.rule));

function covers(rule: AuditRule, wanted: AuditRule): boolean {
  if (rule.list !== RuleList.EXIT || rule.action !== RuleAction.ALWAYS) return false;
  if (rule.syscalls !== null) {
    const { syscalls } = wanted;
    if (syscalls === null || !syscalls.every((number) => rule.syscalls?.includes(number)))
      return false;
  }
  // Each of its fields narrows it down, but for the key: the wanted rule must be as narrow.
  return rule.fields.every(({ field, isEqual, value }) => {
    if (field === RuleField.KEY) return true;
    const same = wanted.fields.find((other) => other.field === field);
    if (!isEqual || same === undefined) return false;
    if (field === RuleField.PERM) return (Number(value) & Number(same.value)) === same.value;
    return value === same.value;
  });
}

/**
 * What the kernel's rules keep from the tables, to be read by people. Our rules do not mend it: what others have
 * set is not ours to take away.
 */
export function hindrances(rules: readonly AuditRule[]): string[] {
  return rules.flatMap(({ list, action, fields }) => {
    const key = fields.find(({ field }) => field === RuleField.KEY)?.value;
    const which = key === undefined ? '' : `, key ${key}`;
    if (list === RuleList.EXCLUDE) return [`some records are left out (list exclude${which})`];
    if (action !== RuleAction.NEVER) return [];
    if (list === RuleList.EXIT) return [`some system calls are not recorded (never,exit${which})`];
    if (list !== RuleList.TASK) return [];
    return fields.length === 0
      ? [ALL_NEVER]
      : [`some processes are not recorded (never,task${which})`];
  });
}

/** Debian's and Fedora's rules have it where nobody has set up audit. */
export const ALL_NEVER =
  'no system call is recorded (never,task): audit_process_events and audit_file_events stay empty until `auditctl -d never,task`';
