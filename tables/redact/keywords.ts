/**
 * One of these (or a URL) stands in every text that a rule changes; a text with none is not looked at any
 * further. They are pieces of words, chosen to be rare in other texts. Each rule of the shell's, of SQL,
 * names.ts, urls.ts and shapes.ts has its own here: test/unit/redact.test.ts holds the corpus against them.
 */
import { AFTER, BEFORE, MORE, WORD } from './prefilter.ts';

/** Names that tell of a secret: names.ts. */
const NAMES = [
  'passwor', // password
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
  `_pass${MORE}`,
  `-pass${MORE}`,
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
  `token${MORE}`,
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
  'red_key', // shared_key
  'jwt_key',
  'mac_key', // hmac_key
  `${BEFORE}pwd=${MORE}`,
  `${BEFORE}pwd:${MORE}`,
  `"pwd"${MORE}`,
  `'pwd'${MORE}`,
  'authorization',
  `_auth${MORE}`,
  'bearer',
  'cookie:',
  '.auth(',
  `@tcp(${MORE}`,
  '@unix(',
];

/** Secrets that are known by their shape: shapes.ts. */
const SHAPES = [
  `${BEFORE}akia${WORD}`,
  `${BEFORE}asia${WORD}`,
  `${BEFORE}ghp_${WORD}`,
  `${BEFORE}gho_${WORD}`,
  `${BEFORE}ghu_${WORD}`,
  `${BEFORE}ghs_${WORD}`,
  `${BEFORE}ghr_${WORD}`,
  'hub_pat_',
  'glpat-',
  `${BEFORE}xoxb-`,
  `${BEFORE}xoxp-`,
  `${BEFORE}xoxa-`,
  `${BEFORE}xoxr-`,
  `${BEFORE}xoxs-`,
  `${BEFORE}xapp-`,
  'hooks.slack.com/',
  `${BEFORE}npm_${WORD}`,
  'pypi-a',
  `${BEFORE}aiza${WORD}`,
  `${BEFORE}ya29.`,
  'k_live_',
  'k_test_',
  'sk-ant-',
  'sk-proj-',
  'ckr_pat_',
  'shpat_',
  'hvs.ca',
  'dop_v1_',
  'eyjhbg', // JWT: {"alg
  'eyj0ex', // {"typ
  'eyjraw', // {"kid
  'eyjlbm', // {"enc
  `${WORD}.eyj${WORD}`,
  ' key-----',
  'age-secret',
  '[redacted]', // what a mask left
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
  'program', // COPY … FROM PROGRAM: a shell
  '_comman', // archive_command and its like: a shell
];

/** ENCODE(text, key) of MySQL up to 5.7, sys_exec(command). */
const MYSQL = ['encode(', 'decode(', 'sys_exe', 'sys_eva'];

/** Programs that take a secret by a short option or by its place: shell-programs.ts. */
const PROGRAMS = [
  `mysql${MORE}`,
  'mariadb',
  `${BEFORE}curl${AFTER}`,
  `${BEFORE}http${AFTER}`,
  `https${AFTER}`,
  `login${AFTER}`,
  'openssl',
  'wpa_pas',
  'redis-',
  'keydb-',
  'valkey',
  'ldapadd',
  'ldapcom',
  'ldapdel',
  'ldapexo',
  'ldapmod',
  'ldappas',
  'ldapsea',
  'ldapurl',
  'ldapvc',
  'ldapwho',
  'net user',
  'net rpc',
  'net ads',
  'smbclie',
  'rpcclie',
  'smbcacl',
  'smbget',
  'winexe',
  `mongo${MORE}`,
  'sqlcmd',
  'sqlplus',
  `${BEFORE}tsql${AFTER}`,
  `${BEFORE}isql${AFTER}`,
  `${BEFORE}lftp${AFTER}`,
  `plink${AFTER}`,
  `${BEFORE}pscp${AFTER}`,
  'freerdp',
  'rdesktop',
  `unzip${AFTER}`,
  `${BEFORE}zip -`,
  `${BEFORE}7z a `,
  `${BEFORE}7z x `,
  `${BEFORE}7z e `,
  `${BEFORE}7za a`,
  `${BEFORE}7za x`,
  `${BEFORE}rar a`,
  `${BEFORE}rar x`,
  `unrar${AFTER}`,
  'ipmitool',
  `${BEFORE}vault${AFTER}`,
  `${BEFORE}twine${AFTER}`,
  `${BEFORE}swaks${AFTER}`,
  'beeline',
  `${BEFORE}ncftp${MORE}`,
  'mosquit',
  'rabbitm',
  `${BEFORE}expdp${AFTER}`,
  `${BEFORE}impdp${AFTER}`,
  `${BEFORE}rman${AFTER}`,
  'sqlldr',
  '| su -',
  `${BEFORE}snmp${WORD}`,
  'useradd',
  'usermod',
  'keygen',
  `kinit${AFTER}`,
  `sudo${AFTER}-`,
  `nmcli${AFTER}`,
  'house-client',
  `cqlsh${AFTER}`,
  'cryptsetup',
];

/** By dialect: SQL may be in a shell's text, and a shell's in `COPY … FROM PROGRAM`. */
export const KEYWORDS = {
  shell: [...NAMES, ...SHAPES, ...SQL, ...MYSQL, ...PROGRAMS],
  postgres: [...NAMES, ...SHAPES, ...SQL],
  mysql: [...NAMES, ...SHAPES, ...SQL, ...MYSQL],
} as const;
