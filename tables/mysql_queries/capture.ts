/** mysql_queries as the collector sees it. */
import { containerOf } from '../../native/container.ts';
import type { Capture } from '../collector/capture.ts';
import { MysqlAssembler } from './assemble.ts';
import { derived } from './derived.ts';
import { StatementLayout } from './records.ts';
import { spec } from './spec.ts';
import { mariadb, mysql, mysql56, tracepoints } from './targets.ts';

export const capture: Capture = {
  spec,
  dialect: 'mysql',
  object: 'mysql.bpf.o',
  kinds: [mariadb, mysql, mysql56],
  tracepoints,
  hasParameters: true,
  derived,
  remembered: { map: 'remembered', valueSize: StatementLayout.size },
  assembler: (world) => new MysqlAssembler(world, { containerOf }),
};
