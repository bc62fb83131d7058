/** What a benchmark found, and the table that it prints. */
import os from 'node:os';
import { median } from './stats.ts';

export interface Finding {
  readonly what: string;
  /** One value a round. */
  readonly rounds: readonly number[];
  readonly unit: string;
  /** Digits after the point. */
  readonly digits: number;
  /** The median over the rounds must not be more; without it the finding is for information. */
  readonly bar?: number;
  /** What else was seen, such as a p99. */
  readonly note?: string;
}

export const isMissed = ({ bar, rounds }: Finding): boolean =>
  bar !== undefined && !(median(rounds) <= bar);

const verdict = (finding: Finding): string =>
  finding.bar === undefined ? '' : isMissed(finding) ? 'FAIL' : 'pass';

const HEAD = ['what', 'required', 'median', 'min – max', 'rounds', 'verdict', 'also'];

/** A Markdown table, so that what is printed can go into docs/benchmarks.md as it is. */
export function table(findings: readonly Finding[]): string {
  const cells = findings.map((finding) => {
    const { what, rounds, unit, digits, bar, note = '' } = finding;
    const show = (value: number) => value.toFixed(digits);
    return [
      what,
      bar === undefined ? '' : `≤ ${bar} ${unit}`,
      `${show(median(rounds))} ${unit}`,
      `${show(Math.min(...rounds))} – ${show(Math.max(...rounds))}`,
      String(rounds.length),
      verdict(finding),
      note,
    ];
  });
  const lines = [HEAD, HEAD.map(() => '---'), ...cells];
  const widths = HEAD.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines
    .map((line) => `| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |\n`)
    .join('');
}

/** Print what was found and on which machine, and let the exit code say whether a requirement is missed. */
export function report(findings: readonly Finding[]): void {
  const cpus = os.cpus();
  process.stdout.write(
    `\n${cpus.length} × ${cpus[0]?.model}, Linux ${os.release()}, Node ${process.version}\n\n`,
  );
  process.stdout.write(table(findings));
  process.exitCode = findings.some(isMissed) ? 1 : 0;
}

export type Parts = Readonly<Record<string, () => Promise<Finding[]>>>;

/**
 * Run parts of a benchmark one after another, and report.
 * @param before is told what begins
 */
export async function reportParts(
  parts: Parts,
  names: readonly string[],
  before = (name: string): void => {
    process.stderr.write(`==> ${name}\n`);
  },
): Promise<void> {
  const findings: Finding[] = [];
  for (const name of names) {
    const part = parts[name];
    if (!part) throw new Error(`no part ${name}: ${Object.keys(parts).join(', ')}`);
    before(name);
    findings.push(...(await part()));
  }
  report(findings);
}
