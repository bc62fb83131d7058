/** Tables to serve to the peer: small, large, and two that fail. */
import type { Row, Table } from '../../extension/sdk/context.ts';

export const LARGE_ROWS = 100_000;
const LARGE_COLUMNS = 20;

function table(name: string, rows: () => Iterable<Row>, columns = 2): Table {
  return {
    spec: {
      name,
      description: '',
      evented: false,
      examples: [],
      columns: Array.from({ length: columns }, (_, i) => ({
        name: `c${i}`,
        type: 'TEXT' as const,
        description: '',
      })),
    },
    generate: rows,
  };
}

export const small = table('small', () => [
  ['a', '1'],
  ['é\u{1f600}', null],
]);
export const large = table(
  'large',
  function* () {
    const row = Array.from({ length: LARGE_COLUMNS }, (_, i) => `value of column ${i}`);
    for (let i = 0; i < LARGE_ROWS; i++) yield row;
  },
  LARGE_COLUMNS,
);
export const failing = table('failing', () => {
  throw new Error('the disk is\non fire');
});
export const failsLate = table('fails_late', function* () {
  for (let i = 0; i < 1000; i++) yield ['x', 'y'];
  throw new Error('after 1000 rows');
});
