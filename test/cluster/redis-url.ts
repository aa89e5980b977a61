/** Where the tests find Redis; its default is in jest.cluster.config.js. */
export const TEST_REDIS_URL = process.env['TEST_REDIS_URL'] ?? '';
