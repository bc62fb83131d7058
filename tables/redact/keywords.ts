/**
 * One of these (or a URL) stands in every text that a rule changes; a text with none is not looked at any
 * further. They are pieces of words, chosen to be rare in other texts. Each rule of the shell's, of SQL,
 * names.ts, urls.ts and shapes.ts has its own here: test/unit/redact.test.ts holds the corpus against them.
 */
import { SHAPES } from './keywords-shapes.ts';
import { PROGRAMS } from './keywords-shell.ts';
import { AFTER, BEFORE, GAP, MORE, START, WORD } from './prefilter.ts';

/** Names that tell of a secret: names.ts. */
const NAMES = [
  'assword', // password; of a prompt without its first letter too
  'passwd',
  'passphr', // passphrase
  'passcod', // passcode
  'passkey',
  `${BEFORE}pass=`,
  `${BEFORE}pass =`,
  `${BEFORE}pass '`,
  '`pass`',
  `${BEFORE}pwd =`,
  `\`pwd\`${MORE}`,
  `--pwd${AFTER}`,
  `${BEFORE}pass:`,
  '"pass"',
  "'pass'",
  `${MORE}_pass`,
  `${START}_pass`,
  `${BEFORE}pass_${MORE}`,
  '-r pass',
  'read pass',
  `-r pw${AFTER}`,
  `read pw${AFTER}`,
  `${START}pw=${MORE}`,
  `${MORE}${GAP}pw=${MORE}`,
  `${START}${GAP}pw=${MORE}`,
  `${WORD}_pw=${MORE}`,
  `${MORE}${GAP}pw =`,
  `${START}${GAP}pw =`,
  `${MORE}${GAP}pw text`,
  `${START}${GAP}pw text`,
  `${BEFORE}psk=${MORE}`,
  `_key=${MORE}`,
  `${MORE}-pass`,
  `${START}-pass`,
  'dbpass',
  'sshpass',
  'storepass',
  'keypass',
  'userpass',
  'bindpass',
  'bindpw',
  'rootpw',
  'adminpw',
  'irepass', // requirepass
  'masterauth',
  'secret',
  `${MORE}token`,
  `${START}token`,
  'dential', // credential
  'api_key',
  'apikey',
  'api-key',
  'ess_key', // access_key
  'cesskey',
  'ess-key',
  'ate_key', // private_key
  'ate-key',
  'vatekey',
  'age_key', // storage_key
  'ice_key', // service_key
  'unt_key', // account_key
  'unt-key',
  'age-key',
  'ice-key',
  'ing-key',
  'red-key',
  'jwt-key',
  'ountkey',
  'ing_key', // signing_key
  'ter_key', // master_key
  'ter-key',
  'ion_key', // encryption_key
  'ion-key',
  'uth_key', // auth_key
  'uth-key',
  'authkey',
  'ons-key', // x-functions-key
  'red_key', // shared_key
  'jwt_key',
  'mac_key', // hmac_key
  `${BEFORE}pwd=${MORE}`,
  `${BEFORE}pwd:${MORE}`,
  `"pwd"${MORE}`,
  `'pwd'${MORE}`,
  'authorization',
  `${MORE}_auth`,
  `${START}_auth`,
  'bearer',
  'x-auth',
  'cookie:',
  '.auth(',
  `@tcp(${MORE}`,
  '@unix(',
];

const SQL = [
  'entified', // identified
  'encrypt', // pgp_sym_encrypt, AES_ENCRYPT
  'decrypt',
  'crypt(',
  `${BEFORE}hmac(`,
  't_auth', // wsrep_sst_auth
  'cation_str', // authentication_string
  'key_str',
  'keyring_key',
  `${BEFORE}pwd '`,
  `${BEFORE}pwd,${WORD}`,
  `${BEFORE}pwd, `,
  'pwd) va',
  'pass) va',
  `${BEFORE}pass,`,
  `${BEFORE}pass :`,
  // Whatever word stands before a string there, misspelt ones too.
  ...['create user', 'create role', 'alter user', 'alter role'],
  `${BEFORE}sign(`,
  'verify(',
  'hashpw(',
  'pragma key',
  'program', // COPY … FROM PROGRAM: a shell
  '_comman', // archive_command and its like: a shell
];

/** ENCODE(text, key) of MySQL up to 5.7, sys_exec(command). */
const MYSQL = ['encode(', 'decode(', 'sys_exe', 'sys_eva', 'rds_set_ext'];

/** By dialect: SQL may be in a shell's text, and a shell's in `COPY … FROM PROGRAM`. */
export const KEYWORDS = {
  shell: [...NAMES, ...SHAPES, ...SQL, ...MYSQL, ...PROGRAMS],
  postgres: [...NAMES, ...SHAPES, ...SQL],
  mysql: [...NAMES, ...SHAPES, ...SQL, ...MYSQL],
} as const;
