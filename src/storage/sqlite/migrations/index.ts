import type { Migration } from 'kysely';

import { initial } from './0001-initial.js';
import { notifications } from './0002-notifications.js';
import { removals } from './0003-removals.js';
import { associationTime } from './0004-association-time.js';

/** By name; they run in the order of their names, each once. One that was released is never changed. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_initial': initial,
  '0002_notifications': notifications,
  '0003_removals': removals,
  '0004_association_time': associationTime,
};
