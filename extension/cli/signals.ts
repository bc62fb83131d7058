/** The signals that ask us to leave: osquery and systemd send SIGTERM, a terminal SIGINT. SIGHUP reads the config again. */
const LEAVE = ['SIGTERM', 'SIGINT'] as const;

/** Aborted by the first of these signals; more of them must not cut our leaving short. */
export function leaveSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of LEAVE) process.on(name, () => controller.abort(name));
  return controller.signal;
}

/** Resolves with the first of these signals. */
export function untilSignal(): Promise<void> {
  const signal = leaveSignal();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}
