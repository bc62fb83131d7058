/**
 * The one error class, and the one table of codes with what to do about each.
 * docs/errors.md is generated from it (`npm run generate`).
 */

/** `exit` is the exit code of the command line: 1 failed, 2 wrong use. */
interface ErrorCode {
  readonly exit: 1 | 2;
  readonly meaning: string;
  readonly remedy: string;
}

const code = (exit: 1 | 2, meaning: string, remedy: string): ErrorCode => ({
  exit,
  meaning,
  remedy,
});

export const ERROR_CODES = {
  USAGE: code(2, 'the command line is wrong', 'see `live_audit.ext help`'),
  ELF: code(1, 'a binary could not be read as ELF', 'check the path; `status` lists what is attached'),
  SQL: code(1, 'SQLite refused the statement', 'mend the SQL; `specs` lists tables and columns'),
  INTERNAL: code(1, 'a bug in live_audit', 'report it with the message and `version`'),
} as const satisfies Record<string, ErrorCode>;

export type LiveAuditErrorCode = keyof typeof ERROR_CODES;

export class LiveAuditError extends Error {
  override readonly name = 'LiveAuditError';
  readonly code: LiveAuditErrorCode;

  /** @param detail one line naming the thing that is wrong (a path, a flag, an errno) */
  constructor(code: LiveAuditErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }

  /** What stderr gets: one line that says what is wrong and what to do. */
  get line(): string {
    return `${this.message} [${this.code}]: ${ERROR_CODES[this.code].remedy}`.replace(/\s+/g, ' ');
  }
}
