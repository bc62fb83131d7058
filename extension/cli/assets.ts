/** Where the BPF objects are: beside the bundle that runs (build/live_audit.cjs). */
import path from 'node:path';

export const assetsDir = path.join(__dirname, 'bpf');
