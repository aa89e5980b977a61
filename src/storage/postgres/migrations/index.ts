import type { Migration } from 'kysely';

import { initial } from './0001-initial.js';
import { sharedWriters } from './0002-shared-writers.js';

/** By name; they run in the order of their names, each once. One that was released is never changed. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_initial': initial,
  '0002_shared_writers': sharedWriters,
};
