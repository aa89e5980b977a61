import { Redis } from 'ioredis';
import pg from 'pg';

/** What is missing fails the run once, in words, instead of every test in its own way. */
export default async function requireServers() {
  await requirePostgres(process.env.TEST_DATABASE_URL);
  await requireRedis(process.env.TEST_REDIS_URL);
}

async function requirePostgres(url) {
  const { host, pathname } = new URL(url);
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    await client.query('create temporary table writable (n int)');
  } catch (error) {
    throw new Error(
      `These tests need PostgreSQL, and there is none to write to at ${host}${pathname}: ${error.message || error.code}. ` +
        'Start one, and set TEST_DATABASE_URL where it is elsewhere (see CONTRIBUTING.md).',
      { cause: error },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function requireRedis(url) {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5_000 });
  let reason;
  redis.on('error', (error) => (reason ??= error.message || error.code));
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw new Error(
      `These tests need Redis, and there is none at ${new URL(url).host}: ${reason ?? error.message}. ` +
        'Start one, and set TEST_REDIS_URL where it is elsewhere (see CONTRIBUTING.md).',
      { cause: error },
    );
  } finally {
    redis.disconnect();
  }
}
