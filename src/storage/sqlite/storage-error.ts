import { ThreadcastError } from '../../errors/index.js';

/** Result codes, with all their extended ones, that speak of the disk or of somebody else's lock. */
const UNAVAILABLE = /^SQLITE_(?:FULL|IOERR|BUSY|LOCKED|PROTOCOL|READONLY|CANTOPEN|NOMEM)/;

/**
 * What SQLite throws because the disk does not answer, as `storage_unavailable`; everything else as it is.
 * Told by its code: the driver's error class belongs to whoever loaded the native module first.
 */
export function storageError(error: unknown): unknown {
  const code = sqliteCode(error);
  return code !== null && UNAVAILABLE.test(code) ? new ThreadcastError('storage_unavailable', { cause: error }) : error;
}

/** The result code of an error of the driver, such as `SQLITE_BUSY`; null for any other error. */
export function sqliteCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' && error.code.startsWith('SQLITE_') ? error.code : null;
}
