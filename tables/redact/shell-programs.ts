/** Programs that take a secret by a short option, by its place or from standard input: their manual pages. */
import { isSecretName } from './names.ts';

/** An option whose value is a user, a separator and a secret. */
export interface UserOption {
  readonly options: readonly string[];
  /** `u` of `curl -su user:password`. */
  readonly letters?: string;
  readonly separator: ':' | '%' | ',' | '=';
}

export interface Program {
  /** Letters of options whose value is a secret: `-pX`, `-p X`. */
  readonly secret?: string;
  /** Letters of options without a value, which may stand before such a letter: `-xw X`. */
  readonly flags?: string;
  /** The value stands with the letter only: `-p X` asks, and X is something else. */
  readonly attached?: true;
  readonly users?: readonly UserOption[];
  /** A word that begins with this goes on with a secret. */
  readonly prefix?: string;
  /** Words whose next word is a secret. */
  readonly before?: readonly string[];
  /** Words behind which all are secret. */
  readonly behind?: readonly string[];
  /** Only where this is among the words. */
  readonly only?: string;
  /** Options with the name of a secret that take no word behind them. */
  readonly bare?: readonly string[];
  /** Which of the words that are no option are secret, from 0 on; -1 is the last one. */
  readonly operands?: { readonly at: readonly number[]; readonly least: number };
  /** Letters of options whose value is no operand. */
  readonly values?: string;
  /** Operands are only looked at where this is among the words. */
  readonly operandsAfter?: string;
  /** Operands are only counted where one of these letters is among the options. */
  readonly operandsWith?: string;
  /** An operand is `user/password@database`. */
  readonly logon?: true;
  /** What follows its options is another command. */
  readonly wraps?: true;
}

const PASSWORD_FLAG = ['--password', '-password'] as const;

const MYSQL: Program = {
  ...{ secret: 'p', flags: 'vsBNtHEfnqrwCAbGiLKx', attached: true },
  ...{ before: ['password'], bare: [...PASSWORD_FLAG, '--password1', '--password2'] },
};
const MYSQL_CLIENT: Program = { ...MYSQL, before: [] };
const POSTGRES: Program = { bare: PASSWORD_FLAG };
const CURL: Program = {
  flags: 'sSkLfvigIGNOjRlanqBJ0#:46Z',
  users: [
    {
      options: ['--user', '--proxy-user', '--cert', '--proxy-cert'],
      letters: 'uUE',
      separator: ':',
    },
    { options: ['--cookie'], letters: 'b', separator: '=' },
  ],
};
const HTTPIE: Program = { users: [{ options: ['--auth'], letters: 'a', separator: ':' }] };
const LOGIN: Program = {
  secret: 'p',
  only: 'login',
  users: [{ options: ['--creds', '--src-creds', '--dest-creds'], separator: ':' }],
};
const REDIS: Program = {
  secret: 'a',
  before: ['requirepass', 'masterauth', '--pass'],
  behind: ['auth', 'AUTH'],
  prefix: '>',
};
const LDAP: Program = { secret: 'w', flags: 'xvnctuMCZWQINAVPrSLk' };
const SAMBA: Program = { users: [{ options: ['--user'], letters: 'U', separator: '%' }] };
const MONGO: Program = { secret: 'p' };
const SQLCMD: Program = { secret: 'P' };
const ORACLE: Program = { logon: true };
const PUTTY: Program = { before: ['-pw'] };
const ZIP: Program = { secret: 'P', flags: 'rjqvouj9mAebnylsx' };
const SEVEN_ZIP: Program = { secret: 'p', flags: 'h', attached: true };
const ADD_USER: Program = { secret: 'p', flags: 'mMrUNlo' };

const named = (names: string, program: Program): [string, Program][] =>
  names.split(' ').map((name) => [name, program]);

const PROGRAMS: ReadonlyMap<string, Program> = new Map([
  ...named('mysqladmin mariadb-admin', MYSQL),
  ...named(
    'mysql mysqldump mysqlimport mysqlshow mysqlcheck mysqlbinlog mysqlslap mysqlpump mysqlsh mysqlrepair mysqloptimize mysqlanalyze mysql_upgrade mysql_secure_installation mysqlhotcopy mysqlaccess mysql_tzinfo_to_sql mysqlbackup mariadb mariadb-dump mariadb-import mariadb-show mariadb-check mariadb-binlog mariadb-slap mariadb-upgrade mariabackup mariadb-backup xtrabackup innobackupex mytop mycli',
    MYSQL_CLIENT,
  ),
  ...named('mydumper myloader', { secret: 'p' }),
  ...named(
    'psql pg_dump pg_dumpall pg_restore pg_basebackup pg_isready createdb dropdb createuser dropuser vacuumdb reindexdb clusterdb pgbench',
    POSTGRES,
  ),
  ['curl', CURL],
  ...named('http https xh xhs', HTTPIE),
  ['sshpass', { secret: 'p', flags: 'v', values: 'fdP', wraps: true }],
  ...named(
    'docker podman nerdctl buildah skopeo helm oras crane az oc cf heroku regctl singularity apptainer',
    LOGIN,
  ),
  ['vault', { before: ['login', 'lookup', 'renew', 'revoke', 'unwrap', 'unseal'] }],
  ['gh', { before: ['--body', '-b'], only: 'secret' }],
  ['twine', { secret: 'p' }],
  ...named('beeline ncftp ncftpget ncftpput', { secret: 'p' }),
  ['rabbitmqctl', { operands: { at: [2], least: 3 } }],
  ['swaks', { before: ['-ap'] }],
  ...named('mosquitto_pub mosquitto_sub', { secret: 'P' }),
  ['htpasswd', { ...{ operands: { at: [-1], least: 2 }, values: 'Cr', operandsWith: 'b' } }],
  ...named('redis-cli keydb-cli valkey-cli redis-benchmark', REDIS),
  ...named(
    'ldapadd ldapcompare ldapdelete ldapexop ldapmodify ldapmodrdn ldapsearch ldapurl ldapvc ldapwhoami',
    LDAP,
  ),
  ['ldappasswd', { ...LDAP, secret: 'wsa', flags: 'xvnMCZWQIN' }],
  ['smbclient', { ...SAMBA, operands: { at: [1], least: 2 }, values: 'UcDpIWnlmsTtARidLOM' }],
  ...named('rpcclient smbcacls smbcquotas smbget smbtree wbinfo winexe', SAMBA),
  ['net', { ...SAMBA, operands: { at: [2], least: 3 }, operandsAfter: 'user' }],
  ...named(
    'mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop',
    MONGO,
  ),
  ...named('sqlcmd bcp isql tsql', SQLCMD),
  ...named('sqlplus sqlldr expdp impdp rman', ORACLE),
  ...named('lftp open', { users: [{ options: ['--user'], letters: 'u', separator: ',' }] }),
  ...named('plink pscp psftp putty', PUTTY),
  ...named('xfreerdp xfreerdp3 wlfreerdp sdl-freerdp', { prefix: '/p:' }),
  ['rdesktop', { secret: 'p' }],
  ...named('zip unzip zipcloak', ZIP),
  ...named('7z 7za 7zr rar unrar', SEVEN_ZIP),
  [
    'ipmitool',
    {
      ...{ secret: 'P', operands: { at: [4], least: 5 }, operandsAfter: 'password' },
      values: 'HUILPpfCkeoSTtbNR',
    },
  ],
  ...named('snmpget snmpwalk snmpbulkwalk snmpset snmptrap snmpgetnext', { secret: 'AXc' }),
  ...named('useradd usermod', ADD_USER),
  ['ssh-keygen', { secret: 'NP', flags: 'qpclyeifB' }],
  ['nmcli', { before: ['password', 'wifi-sec.psk', '802-11-wireless-security.psk', 'psk'] }],
  ['cqlsh', { secret: 'p' }],
  ['wpa_passphrase', { operands: { at: [1], least: 2 } }],
  [
    'openssl',
    {
      ...{ before: ['-k', '-K', '-hmac'], operands: { at: [-1], least: 2 } },
      ...{ operandsAfter: 'passwd', values: 't' }, // -salt X
    },
  ],
]);

const MAX_NAME = 32;

/** @param word such as `/usr/bin/mysql` */
export function programOf(word: string): { name: string; program: Program } | null {
  const name = word.slice(word.lastIndexOf('/') + 1);
  if (name.length > MAX_NAME) return null;
  const program = PROGRAMS.get(name) ?? PROGRAMS.get(name.replace(/[-.]?\d[\d.]*$/, ''));
  return program ? { name, program } : null;
}

/** Programs that read no secret from what follows: the names of others are words to them. */
export const DEAF: ReadonlySet<string> = new Set(
  'man info whatis apropos which whereis type hash ls ll dir stat file mkdir rmdir rm cp mv ln touch chmod chown chgrp cat less more head tail vi vim nvim nano emacs view cd pushd grep egrep fgrep rg zgrep apt apt-get apt-cache aptitude dpkg yum dnf rpm apk pacman zypper brew snap pip pip3 npm yarn gem cargo systemctl service journalctl pgrep pkill killall pidof ps lsof du df wc sort uniq tar help'.split(
    ' ',
  ),
);

/** Whether a command reads a secret from its standard input, and of which form. */
export function readsSecret(words: readonly string[]): 'secret' | 'user' | null {
  const has = (...options: string[]) => words.some((word) => options.includes(word));
  const names = words.map((word) => word.slice(word.lastIndexOf('/') + 1));
  const runs = (...programs: string[]) => names.slice(0, 8).some((name) => programs.includes(name));
  if (names[0] === 'read' && words.slice(1).some(isSecretName)) return 'secret';
  if (runs('chpasswd', 'chgpasswd', 'newusers')) return 'user';
  const asked = words.some((word) => /^-{1,2}(?:pass\w*|token|secret)-(?:std)?in$/.test(word));
  if (asked || has('--with-token')) return 'secret';
  if (runs('sudo') && words.some((word) => /^-[A-Za-z]*S/.test(word) || word === '--stdin'))
    return 'secret';
  if (runs('gh', 'docker', 'podman') && has('secret') && has('set', 'create')) return 'secret';
  if (runs('passwd', 'cryptsetup', 'kinit', 'smbpasswd', 'gopass', 'su', 'vncpasswd', 'mkpasswd'))
    return 'secret';
  if (runs('pass') && has('insert')) return 'secret';
  if (runs('vault') && has('login')) return 'secret';
  if (runs('htpasswd') && words.some((word) => /^-[A-Za-z]*i/.test(word))) return 'secret';
  if (has('--passphrase-fd')) return 'secret';
  if (runs('openssl')) return has('stdin', '-stdin') || has('passwd') ? 'secret' : null;
  return null;
}
