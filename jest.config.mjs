// TypeScript is turned into CommonJS by esbuild (the bundler we have anyway); types are checked by
// `npm run check`, not here.
export default {
  rootDir: import.meta.dirname,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testEnvironment: 'node',
  transform: { '\\.ts$': '<rootDir>/scripts/jest-transform.cjs' },
  modulePathIgnorePatterns: ['<rootDir>/build/'],
  testTimeout: 30_000,
  // A test that failed may leave a process behind; the run must end all the same.
  forceExit: true,
};
