/** Where the tests find PostgreSQL; its default is in jest.cluster.config.js. */
export const TEST_DATABASE_URL = process.env['TEST_DATABASE_URL'] ?? '';
