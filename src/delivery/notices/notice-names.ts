import type { LineFields } from '../../logs/index.js';
import type { Notice } from '../../storage/index.js';

/** What lines of the log say of a notice. */
export function namesOf({ userId, threadId, runId, type, seq }: Notice): LineFields {
  return { userId, threadId, runId, type, seq };
}
