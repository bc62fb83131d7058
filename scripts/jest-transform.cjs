// A jest transformer of one call: esbuild strips the types and turns `import` into `require`.
const { transformSync } = require('esbuild');

module.exports = {
  process(source, filename) {
    const { code, map } = transformSync(source, {
      loader: 'ts',
      format: 'cjs',
      // import() becomes require: jest has no modules of its own without a flag of Node.
      supported: { 'dynamic-import': false },
      target: 'node24',
      sourcemap: true,
      sourcefile: filename,
    });
    return { code, map };
  },
};
