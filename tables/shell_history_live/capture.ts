/** shell_history_live as the collector sees it. */
import type { Capture } from '../collector/capture.ts';
import { ShellAssembler } from './assemble.ts';
import { decodeShellRecord } from './records.ts';
import { spec } from './spec.ts';
import { bash, tracepoints } from './targets.ts';

export const capture: Capture = {
  spec,
  object: 'shell.bpf.o',
  kinds: [bash],
  tracepoints,
  assembler(world) {
    const assembler = new ShellAssembler(world);
    return {
      accept(view, offset, length) {
        const record = decodeShellRecord(view, offset, length);
        return record === null ? 'unreadable' : assembler.accept(record);
      },
      get isOpen() {
        return assembler.openCount > 0;
      },
      save: () => assembler.save(),
      restore: (state) => assembler.restore(state),
      get openPids() {
        return assembler.openPids;
      },
      abandon: (tgid) => assembler.abandon(tgid),
    };
  },
};
