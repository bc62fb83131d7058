/** What the assemblers hold: a redactor that gives no raw text away, whatever becomes of it. */
import { createRedactor, type Dialect, type Redactor } from './redactor.ts';
import type { Rule } from './rules.ts';
import { MARK } from './spans.ts';

/** What the config says. */
export interface Redaction {
  /** Own rules, beside those that are built in. */
  readonly rules: readonly Rule[];
}

const STAR = '*';

/**
 * @param onFailure hears of each text that is not stored, for its secrets cannot be told; its event is stored
 * @throws LiveAuditError CONFIG where a rule cannot be used
 */
export function guardedRedactor(
  dialect: Dialect,
  { rules }: Redaction,
  onFailure: (error: unknown) => void,
): Redactor {
  return guarded(createRedactor({ dialect, rules }), onFailure);
}

/** For a log: the error's own text may hold what it is about. */
export const textWithheld = (error: unknown): string =>
  `texts are not stored, and counted as lost_redaction: ${error instanceof Error ? error.name : typeof error}`;

/** Where it fails, the whole text is taken for a secret. */
export function guarded(redactor: Redactor, onFailure: (error: unknown) => void): Redactor {
  const attempt = <T>(redacted: () => T, instead: () => T): T => {
    try {
      return redacted();
    } catch (error) {
      onFailure(error);
      return instead();
    }
  };
  return {
    isClean: (bytes, from, to) => {
      try {
        return redactor.isClean(bytes, from, to); // the hot path: no closures
      } catch {
        return false; // `redact` will say why
      }
    },
    redact: (text, cut) => {
      try {
        return redactor.redact(text, cut);
      } catch (error) {
        onFailure(error);
        return Buffer.from(MARK);
      }
    },
    mask: (text) =>
      attempt(
        () => redactor.mask(text),
        () => Buffer.alloc(text.length, STAR),
      ),
    redactMessage: (message, statement) =>
      attempt(
        () => redactor.redactMessage(message, statement),
        () => Buffer.from(MARK),
      ),
    redactArguments: (values) =>
      attempt(
        () => redactor.redactArguments(values),
        () => [MARK],
      ),
    redactParameters: (json, statement) =>
      attempt(
        () => redactor.redactParameters(json, statement),
        () => JSON.stringify([MARK]),
      ),
  };
}

/** Where redaction is switched off. */
export const PLAIN: Redactor = {
  isClean: () => true,
  redact: (text) => text,
  mask: (text) => text,
  redactMessage: (message) => message,
  redactArguments: (values) => values,
  redactParameters: (json) => json,
};
