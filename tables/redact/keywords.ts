/**
 * One of these (or a URL) stands in every text that a rule changes; a text with none is not looked at any
 * further. They are pieces of words, chosen to be rare in other texts. Each rule of the shell's, of SQL,
 * names.ts, urls.ts and shapes.ts has its own here: test/unit/redact.test.ts holds the corpus against them.
 */
import { AFTER, BEFORE, MORE, WORD } from './prefilter.ts';

/** Names that tell of a secret: names.ts. */
const NAMES = [
  'passwo', // password
  'passwd',
  'passph', // passphrase
  'passco', // passcode
  'passke', // passkey
  `${BEFORE}pass=`,
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
  'pi_key', // api_key
  'apikey',
  'pi-key',
  'ss_key', // access_key
  'esskey',
  'ss-key',
  'te_key', // private_key
  'te-key',
  'atekey',
  'ge_key', // storage_key
  'ce_key', // service_key
  'nt_key', // account_key
  'nt-key',
  'ge-key',
  'ce-key',
  'ng-key',
  'ed-key',
  'wt-key',
  'untkey',
  'ng_key', // signing_key
  'er_key', // master_key
  'er-key',
  'on_key', // encryption_key
  'on-key',
  'th_key', // auth_key
  'th-key',
  'ed_key', // shared_key
  'wt_key', // jwt_key
  'ac_key', // hmac_key
  `${BEFORE}pwd=${MORE}`,
  `${BEFORE}pwd:${MORE}`,
  `"pwd"${MORE}`,
  `'pwd'${MORE}`,
  'authorization',
  `_auth${MORE}`,
  'bearer',
  'cookie:',
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
];

const SQL = [
  'tified', // identified
  'ncrypt', // pgp_sym_encrypt, AES_ENCRYPT
  'ecrypt',
  'crypt(',
  `${BEFORE}hmac(`,
  't_auth', // wsrep_sst_auth
  'keyring_key',
  'rogram', // COPY … FROM PROGRAM: a shell
  '_comma', // archive_command and its like: a shell
];

/** ENCODE(text, key) of MySQL up to 5.7, sys_exec(command). */
const MYSQL = ['encode(', 'decode(', 'sys_ex', 'sys_ev'];

/** Programs that take a secret by a short option or by its place: shell-programs.ts. */
const PROGRAMS = [
  `mysql${MORE}`,
  'mariadb',
  `${BEFORE}curl${AFTER}`,
  `${BEFORE}http${AFTER}`,
  `https${AFTER}`,
  `login${AFTER}`,
  'openssl',
  'wpa_pa',
  'redis-',
  'keydb-',
  'valkey',
  'ldapad',
  'ldapco',
  'ldapde',
  'ldapex',
  'ldapmo',
  'ldappa',
  'ldapse',
  'ldapur',
  'ldapvc',
  'ldapwh',
  'net user',
  'net rpc',
  'net ads',
  'smbcli',
  'rpccli',
  'smbcac',
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
