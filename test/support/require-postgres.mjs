import pg from 'pg';

/** What is missing fails the run once, in words, instead of every test in its own way. */
export default async function requirePostgres() {
  const url = process.env.TEST_DATABASE_URL;
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
