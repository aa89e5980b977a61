import { Injectable } from '@nestjs/common';

import { ExternalRuns } from '../agents/index.js';
import { invalidFields } from '../errors/index.js';
import type { Principal } from '../identity/index.js';
import { parseRunId, parseThreadId, type RunId, type ThreadId } from '../ids/index.js';
import type { Answers } from '../protocol/index.js';
import type { RunFields } from './run-fields.js';

/** Registers runs that other processes execute, for members of the thread and for producers. */
@Injectable()
export class Registrations {
  constructor(private readonly runs: ExternalRuns) {}

  async register(
    { userId, roles }: Principal,
    id: string,
    { agent, input, runId: chosen, messageId, policy, connectionId }: RunFields,
  ): Promise<Answers['start_agent']> {
    const threadId = parseThreadId(id);
    if ((connectionId ?? null) !== null) {
      const message = 'connectionId cannot be given: a run of another process waits for no connection';
      throw invalidFields([{ field: 'connectionId', message }]);
    }
    const { outcome, status } = await this.runs.register({
      ...{ userId, everyThread: roles.has('producer'), threadId, agent },
      runId: runIdOfThread(chosen ?? null, threadId),
      ...{ input: input ?? null, messageId: messageId ?? null, policy: policy ?? 'parallel' },
    });
    const { run, duplicate } = outcome;
    const { associated, associationMs } = run;
    return { threadId, runId: run.runId, status, associated, associationMs, duplicate };
  }
}

function runIdOfThread(chosen: string | null, threadId: ThreadId): RunId | null {
  if (chosen === null) return null;
  const parsed = parseRunId(chosen);
  if (parsed.threadId === threadId) return parsed.runId;
  throw invalidFields([
    { field: 'runId', message: `runId is one of ${parsed.threadId}, not of the thread in the path` },
  ]);
}
