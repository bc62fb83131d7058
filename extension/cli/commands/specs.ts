import { LiveAuditError } from '../../../native/errors.ts';
import { specs as allSpecs } from '../../../tables/index.ts';
import { parseOptions } from '../options.ts';
import { SPEC_FORMATS, type SpecFormat } from '../spec-formats.ts';

/** `specs`: the tables and their columns, from the one source. */
export function specs(args: readonly string[]): void {
  const { flags, positionals } = parseOptions(args, { format: { type: 'string' } });
  const format = flags.format ?? 'json';
  if (typeof format !== 'string' || !Object.hasOwn(SPEC_FORMATS, format))
    throw new LiveAuditError(
      'USAGE',
      `no format ${format}: ${Object.keys(SPEC_FORMATS).join(', ')}`,
    );
  const named = allSpecs.filter(({ name }) => positionals.includes(name));
  const unknown = positionals.find((name) => !allSpecs.some((spec) => spec.name === name));
  if (unknown !== undefined) throw new LiveAuditError('USAGE', `no table ${unknown}`);
  process.stdout.write(
    SPEC_FORMATS[format as SpecFormat](positionals.length > 0 ? named : allSpecs),
  );
}
