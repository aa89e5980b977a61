import { randomUUID } from 'node:crypto';

import pg from 'pg';

import { TEST_DATABASE_URL } from './database-url.js';

/** Schemas of a test file, each as good as a database of its own; removed by `remove` in its `afterEach`. */
export class PostgresSchemas {
  readonly #made: string[] = [];

  /** The address of a new, empty one. */
  async make(): Promise<string> {
    const name = `t_${randomUUID().replaceAll('-', '')}`;
    this.#made.push(name);
    await query(`create schema ${name}`);
    const url = new URL(TEST_DATABASE_URL);
    url.searchParams.set('options', `-c search_path=${name}`);
    return url.href;
  }

  async remove(): Promise<void> {
    for (const name of this.#made.splice(0)) await query(`drop schema ${name} cascade`);
  }
}

/** One statement on a connection of its own. */
export async function query<R extends object>(
  statement: string,
  values: readonly unknown[] = [],
  url = TEST_DATABASE_URL,
): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<R>(statement, [...values])).rows;
  } finally {
    await client.end();
  }
}
