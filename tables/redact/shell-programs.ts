/** Programs that take a secret by a short option or by its place: their manual pages. */
import { LOGIN, named, P, type Program } from './program.ts';
import { CLOUD_PROGRAMS, KEEPER_PROGRAMS } from './shell-keepers.ts';
import { lastPart } from './shell-words.ts';

const PASSWORD_FLAG = ['--password', '-password'] as const;

const MYSQL: Program = {
  ...{ secret: 'p', flags: 'vsBNtHEfnqrwCAbGiLKx', attached: true },
  ...{ before: ['password'], bare: [...PASSWORD_FLAG, '--password1', '--password2'] },
};
const MYSQL_CLIENT: Program = { ...MYSQL, before: [] };
const POSTGRES: Program = { bare: PASSWORD_FLAG };
const HOSTS: Program = { hosts: true };
const LITERALS: Program = {
  only: 'secret',
  users: [
    {
      options: ['--from-literal'],
      separator: '=',
      except: /^(?:user(?:_?name)?|host(?:name)?|port|name|db(?:_?name)?|database|region)$/i,
    },
  ],
};
const CURL: Program = {
  hosts: true,
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
const REDIS: Program = {
  secret: 'a',
  before: ['requirepass', 'masterauth', '--pass'],
  behind: ['auth', 'AUTH', 'auth2', 'AUTH2'],
  prefix: '>',
};
const LDAP: Program = { secret: 'w', flags: 'xvnctuMCZWQINAVPrSLk' };
const SAMBA: Program = { users: [{ options: ['--user'], letters: 'U', separator: '%' }] };
const SQLCMD: Program = { secret: 'P' };
const ORACLE: Program = { logon: true };
const PUTTY: Program = { before: ['-pw'] };
const ZIP: Program = { secret: 'P', flags: 'rjqvouj9mAebnylsx' };
const SEVEN_ZIP: Program = { secret: 'p', flags: 'h', attached: true };
const ADD_USER: Program = { secret: 'p', flags: 'mMrUNlo' };

const PROGRAMS: ReadonlyMap<string, readonly Program[]> = new Map([
  ...named('mysqladmin mariadb-admin', MYSQL),
  ...named(
    'mysql mysqldump mysqlimport mysqlshow mysqlcheck mysqlbinlog mysqlslap mysqlpump mysqlsh mysqlrepair mysqloptimize mysqlanalyze mysql_upgrade mysql_secure_installation mysqlhotcopy mysqlaccess mysql_tzinfo_to_sql mysqlbackup mariadb mariadb-dump mariadb-import mariadb-show mariadb-check mariadb-binlog mariadb-slap mariadb-upgrade mariabackup mariadb-backup xtrabackup innobackupex mytop mycli',
    MYSQL_CLIENT,
  ),
  ...named('mydumper myloader', P),
  ...named(
    'psql pg_dump pg_dumpall pg_restore pg_basebackup pg_isready createdb dropdb createuser dropuser vacuumdb reindexdb clusterdb pgbench',
    POSTGRES,
  ),
  ...named('curl', CURL),
  ...named('http https xh xhs', HTTPIE, { secret: 'a', only: 'bearer' }),
  ...named('sshpass', { secret: 'p', flags: 'v', values: 'fdP', wraps: true }),
  ...named(
    'docker podman nerdctl buildah skopeo helm oras crane cf heroku regctl singularity apptainer',
    LOGIN,
  ),
  ...named('kubectl', LITERALS),
  ...named('oc', LOGIN, LITERALS),
  ...named('swaks', { before: ['-ap'] }),
  ...named('sendemail sendEmail', { before: ['-xp'] }),
  ...named('twine beeline ncftp ncftpget ncftpput cypher-shell couchbase-cli mycli', P),
  ...named('crackmapexec nxc netexec evil-winrm hydra medusa', P),
  ...named(
    'secretsdump psexec wmiexec smbexec atexec dcomexec lookupsid mssqlclient GetUserSPNs GetNPUsers govc',
    HOSTS,
  ),
  ...named('rabbitmqctl', { operands: { at: [2], least: 3 }, values: 'npt' }),
  ...named('rabbitmqadmin', P),
  ...CLOUD_PROGRAMS,
  ...KEEPER_PROGRAMS,
  ...named('mosquitto_pub mosquitto_sub', { secret: 'P' }),
  ...named('mosquitto_passwd', { operands: { at: [-1], least: 3 }, operandsWith: 'b' }),
  ...named('htpasswd', { operands: { at: [-1], least: 2 }, values: 'Cr', operandsWith: 'b' }),
  ...named('redis-cli keydb-cli valkey-cli redis-benchmark', REDIS),
  ...named(
    'ldapadd ldapcompare ldapdelete ldapexop ldapmodify ldapmodrdn ldapsearch ldapurl ldapvc ldapwhoami',
    LDAP,
  ),
  ...named('ldappasswd', { ...LDAP, secret: 'wsa', flags: 'xvnMCZWQIN' }),
  ...named('slappasswd', { secret: 's' }),
  ...named('smbclient', {
    ...SAMBA,
    ...{ operands: { at: [1], least: 2 }, values: 'UcDpIWnlmsTtARidLOM' },
  }),
  ...named('rpcclient smbcacls smbcquotas smbget smbtree wbinfo winexe', SAMBA),
  ...named('net', { ...SAMBA, operands: { at: [2], least: 3 }, operandsAfter: 'user' }),
  ...named('samba-tool', { operands: { at: [3], least: 4 }, operandsAfter: 'user' }),
  ...named('kadmin kadmin.local', { secret: 'w' }),
  // Requests of kadmin, as its -q takes them.
  ...named('addprinc ank add_principal cpw', { before: ['-pw'] }),
  ...named('mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop', P),
  ...named('sqlcmd bcp tsql', SQLCMD),
  ...named('isql', SQLCMD, { operands: { at: [2], least: 3 } }),
  ...named('sqlplus sqlldr expdp impdp rman', ORACLE),
  ...named('lftp open', { users: [{ options: ['--user'], letters: 'u', separator: ',' }] }),
  ...named('plink pscp psftp putty', PUTTY),
  ...named('xfreerdp xfreerdp3 wlfreerdp sdl-freerdp', { prefix: '/p:' }),
  ...named('rdesktop cqlsh', P),
  ...named('zip unzip zipcloak', ZIP),
  ...named('7z 7za 7zr rar unrar', SEVEN_ZIP),
  ...named('qpdf', { beforeTwo: ['--encrypt'] }),
  ...named('pdftk', { before: ['owner_pw', 'user_pw', 'input_pw'] }),
  ...named('pdftotext pdftoppm pdftocairo pdfimages pdfinfo', { before: ['-upw', '-opw'] }),
  ...named('ipmitool', {
    ...{ secret: 'P', operands: { at: [4], least: 5 }, operandsAfter: 'password' },
    values: 'HUILPpfCkeoSTtbNR',
  }),
  ...named('snmpget snmpwalk snmpbulkwalk snmpset snmptrap snmpgetnext', { secret: 'AXc' }),
  ...named('useradd usermod', ADD_USER),
  ...named('ssh-keygen', { secret: 'NP', flags: 'qpclyeifB' }),
  ...named('nmcli', {
    before: ['password', 'wifi-sec.psk', '802-11-wireless-security.psk', 'psk'],
  }),
  ...named('wpa_passphrase', { operands: { at: [1], least: 2 } }),
  ...named('mkpasswd', { operands: { at: [0], least: 1 }, values: 'mSRP' }),
  ...named('doveadm', { secret: 'p', only: 'pw' }),
  ...named('oathtool', { operands: { at: [-1], least: 1 }, values: 'dwcsSN' }),
  ...named('openssl', {
    ...{ before: ['-k', '-K', '-hmac'], operands: { at: [-1], least: 2 } },
    ...{ operandsAfter: 'passwd', values: 't' }, // -salt X
    users: [{ options: ['-macopt'], separator: ':' }],
  }),
]);

const MAX_NAME = 32;
/** Debian's, and upstream's, names of Impacket's programs; versions behind a name. */
const AROUND_NAME = /^impacket-|\.py$|[-.]?\d[\d.]*$/g;

/**
 * @param word such as `/usr/bin/mysql`
 * @returns what is known of the program; each by itself
 */
export function programOf(word: string): readonly Program[] | null {
  const name = lastPart(word);
  if (name.length > MAX_NAME) return null;
  return PROGRAMS.get(name) ?? PROGRAMS.get(name.replace(AROUND_NAME, '')) ?? null;
}
