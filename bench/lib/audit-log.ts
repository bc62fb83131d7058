/** An audit.log as auditd writes it, of programs that are run: five records an event. */
import fs from 'node:fs';

/** What auditd puts behind a record with `log_format = ENRICHED`, as Debian's does. */
const CALL_NAMES =
  '\x1dARCH=x86_64 SYSCALL=execve AUID="root" UID="root" GID="root" EUID="root" SUID="root" FSUID="root" EGID="root" SGID="root" FSGID="root"';
const PATH_NAMES = '\x1dOUID="root" OGID="root"';

/** Records of Linux 6.18; what differs from event to event is put in. */
function event(n: number, enriched: boolean): string {
  const pid = 1000 + (n % 30_000);
  const user = 0; // ausearch looks up one that is not there each time anew
  const time = `${1_795_263_203 + Math.floor(n / 500)}.${String((n % 500) * 2).padStart(3, '0')}`;
  const head = `msg=audit(${time}:${n + 1}):`;
  const file = `/srv/data/${n % 997}/report-${n}.csv`;
  const title = Buffer.from(`ls\0-l\0--color=auto\0${file}`).toString('hex').toUpperCase();
  return [
    `type=SYSCALL ${head} arch=c000003e syscall=59 success=yes exit=0 a0=55ba3bf5ecb0 a1=55ba3bf5d850 a2=55ba3bf5a7e0 a3=2a40a51a63012fd0 items=1 ppid=${pid - 1} pid=${pid} auid=${user} uid=${user} gid=${user} euid=${user} suid=${user} fsuid=${user} egid=${user} sgid=${user} fsgid=${user} tty=pts${n % 10} ses=${n % 100} comm="ls" exe="/usr/bin/ls" key="procmon"${enriched ? CALL_NAMES : ''}`,
    `type=EXECVE ${head} argc=4 a0="ls" a1="-l" a2="--color=auto" a3="${file}"`,
    `type=CWD ${head} cwd="/home/user${n % 7}"`,
    `type=PATH ${head} item=0 name="/usr/bin/ls" inode=247493 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0${enriched ? PATH_NAMES : ''}`,
    `type=PROCTITLE ${head} proctitle=${title}`,
    '',
  ].join('\n');
}

export const RECORDS_PER_EVENT = 5;

export function writeAuditLog(file: string, events: number, enriched = false): void {
  const fd = fs.openSync(file, 'w', 0o600);
  for (let n = 0; n < events; ) {
    let text = '';
    for (const end = Math.min(n + 1000, events); n < end; n++) text += event(n, enriched);
    fs.writeSync(fd, text);
  }
  fs.closeSync(fd);
}
