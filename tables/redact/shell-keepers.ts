/** Programs of clouds, registries and stores of secrets, and how they are told one: their manuals. */
import { LOGIN, named, P, type Program } from './program.ts';

const NAMED: Program = { named: true };

/** Clouds, their secret stores, registries of packages. */
export const CLOUD_PROGRAMS = [
  ...named(
    'az',
    LOGIN,
    { before: ['--value'], only: 'keyvault' },
    ...['sql', 'mysql', 'postgres'].map((only) => ({ secret: 'p', only })),
  ),
  ...named('aws', { before: ['--value'], only: 'put-parameter' }),
  ...named('gh', { before: ['--body'], secret: 'b', only: 'secret' }),
  ...named('fly flyctl', { fields: /./, only: 'secrets' }),
  ...named('rclone', NAMED, { before: ['obscure'] }),
  ...named('pulumi', {
    ...{ operands: { at: [3], least: 4 }, operandsAfter: '--secret', bare: ['--secret'] },
  }),
  ...named('doctl', { secret: 't', only: 'auth' }),
  ...named('mc mcli', { operands: { at: [5], least: 6 } }),
  ...named('cargo', { operands: { at: [1], least: 2 }, operandsAfter: 'login' }),
  ...named('poetry', { operands: { at: [3], least: 4 }, operandsAfter: 'config' }),
  ...named('nuget', { secret: 'k', only: 'push' }),
  ...named(
    'dotnet',
    { secret: 'k', only: 'push' },
    {
      ...{ operands: { at: [3], least: 4 }, operandsAfter: 'user-secrets' },
    },
  ),
  ...named('ngrok', { before: ['authtoken', 'add-authtoken'] }),
  ...named('cloudflared', { operands: { at: [2], least: 3 }, operandsAfter: 'install' }),
];

/** What keeps secrets for others. */
export const KEEPER_PROGRAMS = [
  ...named(
    'vault bao',
    { before: ['login', 'lookup', 'renew', 'revoke', 'unwrap', 'unseal'] },
    { fields: /./, only: 'kv' },
    { fields: /^secret_id$/, only: 'write' },
  ),
  ...named('consul', NAMED),
  ...named('etcdctl', NAMED, { users: [{ options: ['--user', 'add'], separator: ':' }] }),
  ...named('ansible-vault', {
    ...{ operands: { at: [1], least: 2 }, operandsAfter: 'encrypt_string' },
    longValues: ['--name', '--vault-id', '--encrypt-vault-id', '--stdin-name', '--output'],
  }),
  ...named(
    'bw',
    { before: ['unlock'] },
    {
      ...{ operands: { at: [2], least: 3 }, operandsAfter: 'login' },
    },
  ),
  ...named(
    'iscsiadm',
    ...['password', 'password_in'].map((name) => ({
      secret: 'v',
      only: `node.session.auth.${name}`,
    })),
  ),
  ...named('virsh', { before: ['--base64'] }),
  ...named('bitcoin-cli', {
    before: ['walletpassphrase', 'encryptwallet'],
    beforeTwo: ['walletpassphrasechange'],
  }),
  ...named('neo4j-admin', { before: ['set-initial-password'] }),
  ...named('elasticsearch-users', P),
  ...named('caddy', { secret: 'p', before: ['--plaintext'], only: 'hash-password' }),
];
