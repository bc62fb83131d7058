/** All packs, in the order in which the documents show them. */
import { audit, health } from './audit.ts';
import { bulk, ddl, failed, fingerprint, slow } from './databases.ts';
import type { Pack } from './pack.ts';
import { privileged, shells } from './shells.ts';

export const packs: readonly Pack[] = [
  shells,
  privileged,
  failed,
  ddl,
  slow,
  bulk,
  fingerprint,
  audit,
  health,
];
