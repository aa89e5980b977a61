import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import Database from 'better-sqlite3';

import { sqliteCode } from './storage-error.js';

/**
 * Makes the directory where it is missing, for its owner alone, and takes it for this process.
 *
 * The lock is an exclusive transaction on a small database of its own, never ended: it keeps out other
 * processes and other instances in this one, and the operating system drops it with the process, however
 * that dies. The caller holds on to it; collected as garbage it is gone. Not a lock on the data itself, so
 * that the data can be read beside the server.
 *
 * Throws the reason in words.
 */
export function takeDataDir(dataDir: string): Database.Database {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`The data directory ${dataDir} cannot be made or written: ${reason(error)}.`, { cause: error });
  }
  let lock: Database.Database | null = null;
  try {
    lock = new Database(join(dataDir, 'threadcast.lock'), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if (sqliteCode(error)?.startsWith('SQLITE_BUSY') === true) {
      throw new Error(
        `The data directory ${dataDir} is in use by another Threadcast. Stop that one, or use another directory.`,
        { cause: error },
      );
    }
    throw new Error(`The data directory ${dataDir} cannot be locked: ${reason(error)}.`, { cause: error });
  }
}

export function reason(error: unknown): string {
  return error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error)
    ? String(error.message)
    : String(error);
}
