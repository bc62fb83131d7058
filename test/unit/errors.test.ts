/** Errors: one line with code and remedy, whatever is in the detail. */
import { ERROR_CODES, LiveAuditError } from '../../native/errors.ts';

test('the line names what is wrong, the code, and what to do', () => {
  const error = new LiveAuditError('USAGE', 'no command x');
  expect(error.line).toBe('no command x [USAGE]: see `live_audit.ext help`');
  expect(error.exitCode).toBe(2);
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe('LiveAuditError');
});

test('it is one line also where the detail has several', () => {
  expect(new LiveAuditError('CONFIG', 'a\n  b\r\nc\u2028d').line).toMatch(
    /^a b c d \[CONFIG\]: .+$/,
  );
});

test.each(Object.entries(ERROR_CODES))(
  '%s has a meaning and a remedy of one line',
  (code, entry) => {
    expect(code).toMatch(/^[A-Z][A-Z_]+$/);
    for (const text of [entry.meaning, entry.remedy]) expect(text).toMatch(/^\S.{5,}\S$/);
    expect([1, 2]).toContain(entry.exit);
  },
);
