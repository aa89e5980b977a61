import { Injectable } from '@nestjs/common';

import { ThreadcastError } from '../errors/index.js';
import { parseRunId, type RunId, type ThreadId } from '../ids/index.js';
import type { JsonValue, RunPolicy, RunStatus } from '../protocol/index.js';
import {
  ExternalAppends,
  RunResolver,
  RunStarter,
  hasEnded,
  type AppendedEvent,
  type ExternalEvent,
  type RunTrail,
  type StartOutcome,
} from '../threads/index.js';
import { ExternalWatch } from './external-watch.js';
import { RunEngine } from './run-engine.js';

/** A run that is registered for another process, checked in form. */
export interface Registration {
  readonly userId: string;
  /** The user may register runs on every thread. */
  readonly everyThread: boolean;
  readonly threadId: ThreadId;
  readonly agent: string;
  /** Of this thread; null: one is made. */
  readonly runId: RunId | null;
  readonly input: JsonValue;
  readonly messageId: string | null;
  readonly policy: RunPolicy;
}

/** Runs that other processes execute: how they are registered, and how their events come in. */
@Injectable()
export class ExternalRuns {
  constructor(
    private readonly starter: RunStarter,
    private readonly appends: ExternalAppends,
    private readonly resolver: RunResolver,
    private readonly engine: RunEngine,
    private readonly watch: ExternalWatch,
  ) {}

  /** Rejects as every start does, and with `already_exists` for a runId that is taken. */
  async register(registration: Registration): Promise<{ outcome: StartOutcome; status: RunStatus }> {
    const { threadId, runId, everyThread, ...start } = registration;
    const leave = await this.#place(registration);
    try {
      const outcome = await this.starter.start({
        ...{ ...start, message: null, associated: false, associationMs: 0 },
        ...{ target: { kind: 'named', threadId }, external: { runId, everyThread } },
      });
      const { run, duplicate } = outcome;
      const isNew = !duplicate || run.status === 'queued';
      return { outcome, status: isNew ? this.engine.dispatch(run) : run.status };
    } finally {
      leave();
    }
  }

  /**
   * Appends events of a run, found by any form of its id: all of them, or none. Where its form alone says which thread
   * it belongs to, the run is made, with this agent. Rejects with `run_not_found`, which tells who was asked.
   */
  async append(received: string, agent: string, events: readonly ExternalEvent[]): Promise<readonly AppendedEvent[]> {
    const trail = await this.resolver.resolve(received);
    const threadId = believed(trail);
    const isGuess = trail.source === 'format';
    const leave = isGuess ? this.watch.places.ask({ threadId }) : null;
    try {
      const { runId } = parseRunId(received);
      const { run, made, results } = await this.appends.append({
        ...{ runId, threadId, events },
        make: isGuess ? { agent } : null,
      });
      if (made && !hasEnded(run.status)) this.engine.dispatch(run);
      return results;
    } finally {
      leave?.();
    }
  }

  /**
   * A repeated request is refused for nothing any more. Who may not register here takes no place, and learns nothing of
   * how many are taken.
   */
  async #place({ userId, threadId, messageId, everyThread }: Registration): Promise<() => void> {
    const earlier = messageId === null ? null : await this.starter.earlier(userId, threadId, messageId);
    if (earlier !== null) return () => undefined;
    await this.starter.reach(userId, threadId, everyThread);
    return this.watch.places.ask({ userId, threadId });
  }
}

/** The thread that the trail has led to, as far as events may be appended for that. */
function believed({ threadId, source, tried, ...trail }: RunTrail): ThreadId {
  if (tried.some(({ outcome }) => outcome === 'failed') && source !== 'engine') {
    const message = 'Where the run belongs cannot be found out at the moment.';
    throw new ThreadcastError('storage_unavailable', { message, retryAfterMs: 1_000 });
  }
  // A thread's id instead of a run's: that somebody follows it makes it no run.
  if (threadId !== null && source !== 'connection') return threadId;
  throw new ThreadcastError('run_not_found', { details: { ...trail, threadId, source, tried } });
}
