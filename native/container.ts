/**
 * The container that a process runs in, by the path of its cgroup. Docker, containerd, Podman and CRI-O all
 * put a container's id of 64 hex digits into it, with cgroup version 1 and 2, under systemd and without:
 *
 *   /docker/<id>                             /system.slice/docker-<id>.scope
 *   /kubepods/besteffort/pod<uid>/<id>       /kubepods.slice/…/cri-containerd-<id>.scope
 *   /machine.slice/libpod-<id>.scope         /libpod_parent/libpod-<id>
 *   /kubepods.slice/…/crio-<id>.scope        /…/crio-conmon-<id>.scope   (the monitor, not the container)
 */
import fs from 'node:fs';

const MAX_BYTES = 64 * 1024;

const CONTAINER =
  /(?:^|[/:])(?:(?:docker|cri-containerd|libpod|crio|nerdctl|containerd)[-:])?([0-9a-f]{64})(?:\.scope)?(?=\/|$)/g;

/**
 * @param cgroups what /proc/PID/cgroup holds: a line `id:controllers:path` for each hierarchy
 * @returns the id of the innermost container, or null
 */
export function containerOfCgroups(cgroups: string): string | null {
  for (const line of cgroups.slice(0, MAX_BYTES).split('\n')) {
    const path = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
    const id = [...path.matchAll(CONTAINER)].at(-1)?.[1];
    if (id !== undefined) return id;
  }
  return null;
}

/** The id of the container that a process runs in; null outside of containers, or where the process is gone. */
export function containerOf(pid: number): string | null {
  try {
    return containerOfCgroups(fs.readFileSync(`/proc/${pid}/cgroup`, 'latin1'));
  } catch {
    return null;
  }
}
