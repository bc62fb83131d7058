"""osquery's tables of processes, as far as shipped queries use them, out of /proc."""

import os
import socket
import struct

PROCESSES = "pid BIGINT, parent BIGINT, name TEXT, cmdline TEXT, start_time BIGINT"
SOCKETS = ("pid BIGINT, fd BIGINT, family INTEGER, local_address TEXT, local_port INTEGER, remote_address TEXT, "
           "remote_port INTEGER")
TICKS = os.sysconf("SC_CLK_TCK")
FAMILIES = (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6))


def processes():
    booted = _boot_time()
    for pid in _pids():
        try:
            with open(f"/proc/{pid}/stat", encoding="latin1") as file:
                before, _, after = file.read().rpartition(")")
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                cmdline = file.read().decode(errors="replace").replace("\0", " ").strip()
        except OSError:
            continue  # it is gone
        fields = after.split()
        name = before[before.index("(") + 1:]
        # proc(5): the fields after the name begin with 3; ppid is 4, starttime 22
        yield pid, int(fields[4 - 3]), name, cmdline, booted + int(fields[22 - 3]) // TICKS


def open_sockets():
    by_inode = dict(_tcp_sockets())
    for pid in _pids():
        try:
            numbers = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for number in numbers:
            try:
                target = os.readlink(f"/proc/{pid}/fd/{number}")
            except OSError:
                continue
            found = by_inode.get(target[len("socket:["):-1]) if target.startswith("socket:[") else None
            if found:
                yield (pid, int(number), *found)


def _tcp_sockets():
    for name, family in FAMILIES:
        with open(f"/proc/net/{name}", encoding="ascii") as file:
            lines = file.readlines()[1:]
        for line in lines:
            fields = line.split()
            yield fields[9], (int(family), *_end(fields[1], family), *_end(fields[2], family))


def _end(text, family):
    """Address and port; the kernel prints an address as words in the machine's order."""
    address, port = text.split(":")
    words = [int(address[at:at + 8], 16) for at in range(0, len(address), 8)]
    return socket.inet_ntop(family, b"".join(struct.pack("=I", word) for word in words)), int(port, 16)


def _pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _boot_time():
    with open("/proc/stat", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("btime "))
