import { AuditControl, type AuditStatus } from '../../../native/audit-control.ts';
import type { AuditRule } from '../../../native/audit-rule.ts';
import { LiveAuditError } from '../../../native/errors.ts';
import { auditSpecs } from '../../../tables/audit/rows.ts';
import {
  ALL_NEVER,
  hindrances,
  isPossible,
  isThere,
  type WantedRule,
  wantedRules,
} from '../../../tables/audit/rules.ts';
import { parseOptions } from '../options.ts';

/** As auditd's own rules have it: with the 64 of the kernel a burst makes programs wait. */
const BACKLOG_LIMIT = 8192;

const FLAGS = {
  check: { type: 'boolean' },
  print: { type: 'boolean' },
  apply: { type: 'boolean' },
} as const;

/**
 * `audit-rules [--check|--print|--apply]`: the rules without which the audit tables stay empty. Nothing is
 * changed but by `--apply`, and by that nothing is taken away.
 * @returns 0, or 1 where something is missing, or another rule keeps all out
 */
export function auditRules(args: readonly string[]): number {
  const { flags, positionals } = parseOptions(args, FLAGS);
  const chosen = Object.keys(FLAGS).filter((name) => flags[name] === true);
  if (positionals.length > 0)
    throw new LiveAuditError('USAGE', `audit-rules takes no argument: ${positionals[0]}`);
  if (chosen.length > 1)
    throw new LiveAuditError('USAGE', 'audit-rules takes one of --check, --print and --apply');
  if (chosen[0] === 'print') return print();
  const control = new AuditControl();
  try {
    return chosen[0] === 'apply' ? apply(control) : check(control);
  } finally {
    control.close();
  }
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function print(): number {
  say('# Rules for the audit tables of live_audit: a file for /etc/audit/rules.d.');
  say('# Directories that are not there are left out: auditctl refuses them.');
  for (const wanted of wantedRules()) if (isPossible(wanted)) say(wanted.text);
  return 0;
}

function check(control: AuditControl): number {
  const status = control.status();
  const rules = control.rules();
  const missing = missingOf(rules);
  const isOff = status.enabled === 0;
  say(
    `audit is ${isOff ? 'off: all audit tables stay empty' : 'on'}; ${status.pid === 0 ? 'auditd does not run' : `auditd runs as process ${status.pid}`}`,
  );
  for (const { name } of auditSpecs) say(tableLine(name, missing));
  for (const { text } of missing) say(`missing: ${text}`);
  if (isOff || missing.length > 0)
    say(
      '`audit-rules --apply` mends this until the next boot; `--print` gives the file that keeps it',
    );
  return isHindered(rules) || isOff || missing.length > 0 ? 1 : 0;
}

/** Says what other rules keep out. @returns whether that is all */
function isHindered(rules: readonly AuditRule[]): boolean {
  const found = hindrances(rules);
  for (const line of found) say(`note: ${line}`);
  return found.includes(ALL_NEVER);
}

function tableLine(table: string, missing: readonly WantedRule[]): string {
  const all = wantedRules().filter((wanted) => wanted.table === table && isPossible(wanted));
  const lacks = missing.filter((wanted) => wanted.table === table).length;
  if (all.length === 0) return `${table}: needs no rule`;
  if (lacks === all.length)
    return `${table}: stays empty but for rules of your own, all ${lacks} rules are missing`;
  return `${table}: ${all.length - lacks} of ${all.length} rules are there`;
}

const missingOf = (rules: readonly AuditRule[]): WantedRule[] =>
  wantedRules().filter((wanted) => isPossible(wanted) && !isThere(wanted, rules));

function apply(control: AuditControl): number {
  const status = control.status();
  if (status.enabled > 1)
    throw new LiveAuditError(
      'AUDIT_DENIED',
      'the rules are locked until the next boot (auditctl -e 2)',
    );
  prepare(control, status);
  const rules = control.rules();
  const missing = missingOf(rules);
  for (const { rule, text } of missing) {
    control.addRule(rule);
    say(`added: ${text}`);
  }
  if (status.enabled === 0) {
    control.setEnabled(true);
    say(
      'audit is on now; of processes older than the first time that it was on, only the children are recorded',
    );
  }
  if (missing.length === 0) say('all rules were there');
  return isHindered(rules) ? 1 : 0;
}

function prepare(control: AuditControl, { backlogLimit }: AuditStatus): void {
  if (backlogLimit >= BACKLOG_LIMIT || backlogLimit === 0) return;
  control.setBacklogLimit(BACKLOG_LIMIT);
  say(`backlog limit: ${BACKLOG_LIMIT} records instead of ${backlogLimit}`);
}
