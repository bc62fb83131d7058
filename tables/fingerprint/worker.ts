/**
 * What runs in the parser's thread: JavaScript as text, for the single executable has no file for it. It gets one
 * text at a time, answers, and wakes the thread that waits.
 */
export const WORKER = `
'use strict';
const { workerData: { glue, wasm, control, port } } = require('node:worker_threads');
const module_ = { exports: {} };
new Function('module', 'exports', 'require', '__filename', '__dirname', glue)(
  module_, module_.exports, require, '/', '/');
const started = module_.exports({
  instantiateWasm: (imports, done) =>
    done(new WebAssembly.Instance(new WebAssembly.Module(wasm), imports)),
  print: () => {},
  printErr: () => {},
});

function call(parser, name, text) {
  const length = parser.lengthBytesUTF8(text) + 1;
  const from = parser._malloc(length);
  parser.stringToUTF8(text, from, length);
  let result = 0;
  try {
    result = parser[name](from);
    return result === 0 ? null : parser.UTF8ToString(result);
  } finally {
    parser._free(from);
    if (result !== 0) parser._wasm_free_string(result);
  }
}

function answer(parser, text) {
  const fingerprint = call(parser, '_wasm_fingerprint', text);
  if (!/^[0-9a-f]{16}$/.test(fingerprint ?? '')) return null; // a syntax error
  return { fingerprint, normalized: call(parser, '_wasm_normalize_query', text) };
}

port.on('message', (text) => {
  started.then((parser) => answer(parser, text)).catch(() => null).then((reply) => {
    port.postMessage(reply);
    Atomics.store(control, 0, 1);
    Atomics.notify(control, 0);
  });
});
`;
