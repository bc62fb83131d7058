/** Rules of the kernel's audit as they go over netlink (linux/audit.h). */
import { LiveAuditError } from './errors.ts';

/** struct audit_rule_data. */
const RULE_WORDS = 64;
const Rule = {
  filter: 0,
  action: 4,
  fieldCount: 8,
  mask: 12,
  fields: 12 + RULE_WORDS * 4,
  values: 12 + RULE_WORDS * 8,
  operators: 12 + RULE_WORDS * 12,
  textLength: 12 + RULE_WORDS * 16,
  text: 16 + RULE_WORDS * 16,
} as const;

/** Lists of rules, and what a rule of one does. */
export const RuleList = { TASK: 1, EXIT: 4, EXCLUDE: 5 } as const;
export const RuleAction = { NEVER: 0, ALWAYS: 2 } as const;
const OPERATOR_EQUAL = 0x4000_0000;
/** The last word of the mask is for classes of system calls. */
const MASK_CALLS = (RULE_WORDS - 1) * 32;

/** Fields of a rule. */
export const RuleField = { ARCH: 11, WATCH: 105, PERM: 106, DIR: 107, KEY: 210 } as const;
/** Those whose value is a text. */
const TEXT_FIELDS = new Set<number>([13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 105, 107, 112, 210]);

/** Bits of RuleField.PERM. */
export const RulePermission = { x: 1, w: 2, r: 4, a: 8 } as const;

export interface AuditRule {
  /** One of RuleList, or another number. */
  readonly list: number;
  /** One of RuleAction, or another number. */
  readonly action: number;
  /** Numbers of system calls; null: all. */
  readonly syscalls: readonly number[] | null;
  readonly fields: readonly {
    readonly field: number;
    readonly isEqual: boolean;
    readonly value: number | string;
  }[];
}

export function encodeRule({ list, action, syscalls, fields }: AuditRule): Buffer {
  const texts = fields.flatMap(({ value }) =>
    typeof value === 'string' ? [Buffer.from(value)] : [],
  );
  const text = Buffer.concat(texts);
  const bytes = Buffer.alloc(Rule.text + text.length);
  bytes.writeUInt32LE(list, Rule.filter);
  bytes.writeUInt32LE(action, Rule.action);
  bytes.writeUInt32LE(fields.length, Rule.fieldCount);
  // All of it, as auditctl does: only a rule with the same mask can be taken away.
  if (syscalls === null) bytes.fill(0xff, Rule.mask, Rule.mask + RULE_WORDS * 4);
  for (const number of syscalls ?? []) {
    const word = Rule.mask + Math.floor(number / 32) * 4;
    bytes.writeUInt32LE((bytes.readUInt32LE(word) | (1 << (number % 32))) >>> 0, word);
  }
  fields.forEach(({ field, value }, i) => {
    bytes.writeUInt32LE(field, Rule.fields + i * 4);
    const word = typeof value === 'string' ? Buffer.byteLength(value) : value;
    bytes.writeUInt32LE(word >>> 0, Rule.values + i * 4);
    bytes.writeUInt32LE(OPERATOR_EQUAL, Rule.operators + i * 4);
  });
  bytes.writeUInt32LE(text.length, Rule.textLength);
  text.copy(bytes, Rule.text);
  return bytes;
}

/** @throws LiveAuditError AUDIT */
export function decodeRule(bytes: Buffer): AuditRule {
  if (bytes.length < Rule.text) throw new LiveAuditError('AUDIT', 'a rule was cut');
  const count = Math.min(bytes.readUInt32LE(Rule.fieldCount), RULE_WORDS);
  let at: number = Rule.text;
  const fields = Array.from({ length: count }, (_, i) => {
    const field = bytes.readUInt32LE(Rule.fields + i * 4);
    const word = bytes.readUInt32LE(Rule.values + i * 4);
    const isEqual = bytes.readUInt32LE(Rule.operators + i * 4) === OPERATOR_EQUAL;
    if (!TEXT_FIELDS.has(field)) return { field, isEqual, value: word };
    const value = bytes.toString('utf8', at, at + word);
    at += word;
    return { field, isEqual, value };
  });
  const syscalls: number[] = [];
  for (let number = 0; number < MASK_CALLS; number++) {
    const word = bytes.readUInt32LE(Rule.mask + Math.floor(number / 32) * 4);
    if ((word & (1 << (number % 32))) !== 0) syscalls.push(number);
  }
  return {
    list: bytes.readUInt32LE(Rule.filter),
    action: bytes.readUInt32LE(Rule.action),
    syscalls: syscalls.length === MASK_CALLS ? null : syscalls,
    fields,
  };
}
