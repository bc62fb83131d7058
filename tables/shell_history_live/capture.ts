/** shell_history_live as the collector sees it. */
import type { Capture } from '../collector/capture.ts';
import { ShellAssembler } from './assemble.ts';
import { spec } from './spec.ts';
import { bash, fish, sh, tracepoints, zsh } from './targets.ts';

export const capture: Capture = {
  spec,
  dialect: 'shell',
  object: 'shell.bpf.o',
  kinds: [bash, zsh, sh, fish],
  tracepoints,
  assembler: (world) => new ShellAssembler(world),
};
