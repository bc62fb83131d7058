/** Functions of SQL with secrets among their arguments: the manuals of PostgreSQL (pgcrypto) and MySQL. */
import type { Dialect } from './sql-tokens.ts';

/** From which argument on, counted from 1, and up to which. */
export type Arguments = readonly [from: number, to: number];

const ALL: Arguments = [1, Number.POSITIVE_INFINITY];
const KEY: Arguments = [2, Number.POSITIVE_INFINITY];

const named = (names: string, which: Arguments): [string, Arguments][] =>
  names.split(' ').map((name) => [name, which]);

const BOTH = [
  ...named('PASSWORD OLD_PASSWORD VALIDATE_PASSWORD_STRENGTH', ALL),
  ...named('PGP_SYM_ENCRYPT PGP_SYM_ENCRYPT_BYTEA PGP_SYM_DECRYPT PGP_SYM_DECRYPT_BYTEA', KEY),
  ...named('PGP_PUB_DECRYPT PGP_PUB_DECRYPT_BYTEA', KEY),
  ...named('CREATE_SECRET', [1, 1]),
  ...named('UPDATE_SECRET', [2, 2]),
  ...named('CRYPTO_SECRETBOX CRYPTO_SECRETBOX_OPEN', [3, 3]),
  ...named('AES_ENCRYPT AES_DECRYPT DES_ENCRYPT DES_DECRYPT', KEY),
];
const POSTGRES = [
  ...named('ENCRYPT DECRYPT ENCRYPT_IV DECRYPT_IV', KEY),
  ...named('CRYPT', [1, 1]),
  ...named('HMAC', [2, 2]),
  ...named('SIGN VERIFY', [2, 2]), // pgjwt
  ...named('CREATE_AWS_CREDENTIALS', [2, 3]), // aws_commons of RDS
];
const MYSQL = [
  ...named('ENCODE DECODE', KEY),
  ...named('ENCRYPT', ALL),
  ...named('KEYRING_KEY_STORE', [3, 3]),
  ...named('ASYMMETRIC_ENCRYPT ASYMMETRIC_DECRYPT ASYMMETRIC_SIGN', [3, 3]),
  ...named('RDS_SET_EXTERNAL_MASTER RDS_SET_EXTERNAL_SOURCE', [4, 4]),
  ...named('RDS_SET_EXTERNAL_MASTER_WITH_DELAY RDS_SET_EXTERNAL_SOURCE_WITH_DELAY', [4, 4]),
  ...named(
    'RDS_SET_EXTERNAL_MASTER_WITH_AUTO_POSITION RDS_SET_EXTERNAL_SOURCE_WITH_AUTO_POSITION',
    [4, 4],
  ),
];

export const SECRET_ARGUMENTS: Readonly<Record<Dialect, ReadonlyMap<string, Arguments>>> = {
  postgres: new Map([...BOTH, ...POSTGRES]),
  mysql: new Map([...BOTH, ...MYSQL]),
};

/** Functions whose arguments are names and values in turns. */
export const KEYED: ReadonlySet<string> = new Set(
  'JSON_BUILD_OBJECT JSONB_BUILD_OBJECT JSON_OBJECT JSON_SET JSON_INSERT JSON_REPLACE JSONB_SET SET_CONFIG HSTORE JSON_CONTAINS JSONB_INSERT HTTP_HEADER'.split(
    ' ',
  ),
);

/** Functions and words whose string is a shell's command. */
export const SHELL_FUNCTIONS: ReadonlySet<string> = new Set(['SYS_EXEC', 'SYS_EVAL']);
