/** Commands that read a secret from standard input, and those that read none at all. */
import { isSecretName } from './names.ts';
import { lastPart } from './shell-words.ts';

/** Programs that read no secret from what follows: the names of others are words to them. */
export const DEAF: ReadonlySet<string> = new Set(
  'man info whatis apropos which whereis type hash ls ll dir stat file mkdir rmdir rm cp mv ln touch chmod chown chgrp cat less more head tail vi vim nvim nano emacs view cd pushd grep egrep fgrep rg zgrep apt apt-get apt-cache aptitude dpkg yum dnf rpm apk pacman zypper brew snap pip pip3 npm yarn gem systemctl service journalctl pgrep pkill killall pidof ps lsof du df wc sort uniq tar help'.split(
    ' ',
  ),
);

/** What may stand before a command: assignments, and words of the shell's own. */
const BEFORE_COMMAND =
  /^(?:\w+\+?=.*|while|until|if|then|else|elif|do|!|[{(]|time|command|builtin)$/s;
/** Options that ask for a secret on standard input. */
const ASKS =
  /^-{1,2}(?:(?:pass\w*|token|secret)-(?:std)?in|stdin-pass\w*|stdin-name|pass\w*-on-stdin|with-token)$/;
/** Programs that read nothing else. */
const READERS: ReadonlySet<string> = new Set(
  'passwd cryptsetup kinit smbpasswd pdbedit gopass su vncpasswd mkpasswd grub-mkpasswd-pbkdf2 keepassxc-cli'.split(
    ' ',
  ),
);

/** Whether a command reads a secret from its standard input, and of which form. */
export function readsSecret(words: readonly string[]): 'secret' | 'user' | null {
  const has = (...options: string[]) => words.some((word) => options.includes(word));
  const names = words.map(lastPart);
  const runs = (...programs: string[]) => names.slice(0, 8).some((name) => programs.includes(name));
  const first = names.findIndex((name) => !BEFORE_COMMAND.test(name));
  if (names[first] === 'read' && words.slice(first + 1).some(isSecretName)) return 'secret';
  if (runs('chpasswd', 'chgpasswd', 'newusers')) return 'user';
  if (words.some((word) => ASKS.test(word))) return 'secret';
  if (runs('sudo') && words.some((word) => /^-[A-Za-z]*S/.test(word) || word === '--stdin'))
    return 'secret';
  if (runs('gh', 'docker', 'podman', 'wrangler') && has('secret') && has('set', 'create', 'put'))
    return 'secret';
  if (runs('gcloud') && has('secrets') && has('--data-file=-', '-')) return 'secret';
  if (runs('vercel') && has('env')) return 'secret';
  if (names.slice(0, 8).some((name) => READERS.has(name))) return 'secret';
  if (runs('pass') && has('insert')) return 'secret';
  if (runs('vault', 'lpass', 'cargo') && has('login')) return 'secret';
  if (runs('wg') && has('pubkey')) return 'secret';
  if (runs('secret-tool') && has('store')) return 'secret';
  if (runs('systemd-creds') && has('encrypt')) return 'secret';
  if (runs('realm') && has('join')) return 'secret';
  if (runs('htpasswd') && words.some((word) => /^-[A-Za-z]*i/.test(word))) return 'secret';
  if (has('--passphrase-fd')) return 'secret';
  if (runs('openssl')) return has('stdin', '-stdin') || has('passwd') ? 'secret' : null;
  return null;
}
