/**
 * koffi's addon in the single executable: what `@koromix/koffi-linux-…` is in node_modules. The bundler puts
 * this file in that package's place (scripts/package/sea.ts).
 */
import os from 'node:os';
import { withEmbedded } from './assets.ts';

export const KOFFI_ASSET = 'koffi.node';

const module = { exports: {} };
withEmbedded(KOFFI_ASSET, (path) => process.dlopen(module, path, os.constants.dlopen.RTLD_NOW));

export const addon = module.exports;
