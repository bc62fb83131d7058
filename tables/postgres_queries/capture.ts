/** postgres_queries as the collector sees it. */
import fs from 'node:fs';
import { containerOf } from '../../native/container.ts';
import type { Capture } from '../collector/capture.ts';
import { PostgresAssembler, type Sources } from './assemble.ts';
import { derived } from './derived.ts';
import { IdentityLayout } from './records.ts';
import { readServer } from './server.ts';
import { spec } from './spec.ts';
import { postgres, tracepoints } from './targets.ts';

const isAlive = (pid: number): boolean => fs.existsSync(`/proc/${pid}`);

const sources: Sources = {
  server: readServer,
  containerOf: (pids) => containerOf(pids.find(isAlive) ?? 0),
  isAlive,
};

export const capture: Capture = {
  spec,
  derived,
  dialect: 'postgres',
  object: 'postgres.bpf.o',
  kinds: [postgres],
  tracepoints,
  hasParameters: true,
  remembered: { map: 'identities', valueSize: IdentityLayout.size },
  assembler: (world) => new PostgresAssembler(world, sources),
};
