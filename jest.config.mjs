// TypeScript is turned into CommonJS by esbuild (the bundler we have anyway); types are checked by
// `npm run check`, not here.
export default {
  rootDir: import.meta.dirname,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testEnvironment: 'node',
  transform: { '\\.ts$': '<rootDir>/scripts/jest-transform.cjs' },
  modulePathIgnorePatterns: ['<rootDir>/build/'],
  // One at a time: capture is system-wide, and what one test types goes into the rings of all.
  maxWorkers: 1,
  testTimeout: 30_000,
  // A test that failed may leave a process behind; the run must end all the same.
  forceExit: true,
};
