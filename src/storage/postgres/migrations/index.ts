import type { Migration } from 'kysely';

import { initial } from './0001-initial.js';
import { nodes } from './0002-nodes.js';
import { sharedWriters } from './0003-shared-writers.js';
import { noticeNodes } from './0004-notice-nodes.js';

/** By name; they run in the order of their names, each once. One that was released is never changed. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_initial': initial,
  '0002_nodes': nodes,
  '0003_shared_writers': sharedWriters,
  '0004_notice_nodes': noticeNodes,
};
