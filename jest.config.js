/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': '@swc/jest' },
  setupFiles: ['reflect-metadata'],
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/src/**/*.property-spec.ts', '<rootDir>/test/**/*.spec.ts'],
  // They need PostgreSQL: npm run test:cluster.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/cluster/'],
  // Only what hangs ends by time: a busy machine may take its time.
  testTimeout: 90_000,
  // Modules of a spec are not given back to the process that ran it.
  maxWorkers: '100%',
  workerIdleMemoryLimit: '1GB',
};
