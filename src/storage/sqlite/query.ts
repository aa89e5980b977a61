import type Database from 'better-sqlite3';

/** A prepared statement, as much of it as is used here. */
export interface Query<P extends unknown[], R> {
  get(...parameters: P): R | undefined;
  all(...parameters: P): R[];
  run(...parameters: P): WriteResult;
  /** Rows are their first column. */
  pluck(): Query<P, R>;
}

export interface WriteResult {
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
}

export type Prepare = <P extends unknown[], R = unknown>(sql: string) => Query<P, R>;

/** Prepares statements on one connection. */
export function preparer(db: Database.Database): Prepare {
  return (sql) => db.prepare(sql);
}
