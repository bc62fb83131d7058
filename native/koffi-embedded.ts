/**
 * koffi's addon in the single executable: what `@koromix/koffi-linux-…` is in node_modules. The bundler puts
 * this file in that package's place (scripts/package/sea.ts).
 */
import os from 'node:os';
import { withEmbedded } from './assets.ts';
import { LiveAuditError } from './errors.ts';

export const KOFFI_ASSET = 'koffi.node';

const module = { exports: {} };
try {
  withEmbedded(KOFFI_ASSET, (path) => process.dlopen(module, path, os.constants.dlopen.RTLD_NOW));
} catch (error) {
  // koffi's own loader would go on looking, and say less.
  process.stderr.write(`live_audit: ${error instanceof LiveAuditError ? error.line : error}\n`);
  process.exit(1);
}

export const addon = module.exports;
