/** Addresses of SOCKADDR records: bytes as the kernel prints them. */
import { endpointOf } from '../../tables/audit/sockaddr.ts';

const unix = (name: string): string => `0100${Buffer.from(name).toString('hex')}`;

test.each<[string, string, { address: string; port: number | null } | null]>([
  ['IPv4', '020001BBC00002070000000000000000', { address: '192.0.2.7', port: 443 }],
  ['of a big-endian machine', '000201BBC0000207', { address: '192.0.2.7', port: 443 }],
  [
    'IPv6',
    '0A000016000000000000000000000000000000000000000100000000',
    { address: '::1', port: 22 },
  ],
  [
    'IPv6 with zeros inside',
    '0A0000160000000020010DB800000000000100000000000100000000',
    { address: '2001:db8::1:0:0:1', port: 22 },
  ],
  [
    'IPv4 in IPv6',
    '0A0000500000000000000000000000000000FFFFC000020700000000',
    { address: '::ffff:192.0.2.7', port: 80 },
  ],
  ['a path', unix('/run/x.sock\0rest'), { address: '/run/x.sock', port: null }],
  ['a path without NUL', unix('/run/x'), { address: '/run/x', port: null }],
  ['an abstract name', unix('\0bus\0\0\0'), { address: '@bus', port: null }],
  ['a Unix socket without a name', '0100', null],
  ['netlink', '100000000000000000000000', null],
  ['IPv4 that is cut', '020001BBC000', null],
  ['IPv6 that is cut', '0A00001600000000000000000000', null],
  ['one byte', '02', null],
  ['nothing', '', null],
])('%s', (_, hex, endpoint) => {
  expect(endpointOf(Buffer.from(hex, 'hex'))).toEqual(endpoint);
});
