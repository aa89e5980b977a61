import base from './jest.config.js';

/** A database in which the tests may make schemas. Set here for the processes of jest too. */
process.env.TEST_DATABASE_URL ||= 'postgres://root@127.0.0.1:5432/test';
/** A Redis in which the tests use names of their own. */
process.env.TEST_REDIS_URL ||= 'redis://127.0.0.1:6379';

/**
 * The tests that need PostgreSQL and Redis beside Node.
 *
 * @type {import('jest').Config}
 */
export default {
  ...base,
  testMatch: ['<rootDir>/test/cluster/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  // One file after the other: a migration looks at all schemas, and fails at one that is dropped that very moment.
  maxWorkers: 1,
  globalSetup: '<rootDir>/test/support/require-servers.mjs',
};
