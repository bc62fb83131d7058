/** The kernel's audit as the collector sees it. */
import type { Source } from '../collector/source.ts';
import { auditSpecs } from './rows.ts';
import { AuditSession } from './session.ts';

export const audit: Source = {
  specs: auditSpecs,
  start: (options) => new AuditSession(options),
};
