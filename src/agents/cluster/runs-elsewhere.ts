import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import type { RunId, ThreadId } from '../../ids/index.js';
import { Log } from '../../logs/index.js';
import { Metrics } from '../../metrics/index.js';
import { Storage, type StoredEvent } from '../../storage/index.js';
import {
  CommitFeed,
  RunPlaces,
  answerOf,
  hasEnded,
  isTerminalType,
  type RemoteCommitListener,
  type RunRecord,
} from '../../threads/index.js';
import { ExternalWatch } from '../external-watch.js';
import { RunEngine } from '../run-engine.js';
import { reasonOf } from '../../startup/index.js';

/**
 * Brings the runs in hand here in line with what other nodes have stored of them: ends, answers, and that a run is
 * another node's by now. Heard from the feed, or, where that was perhaps missed, read from the record.
 */
@Injectable()
export class RunsElsewhere implements RemoteCommitListener, OnModuleInit, OnModuleDestroy {
  readonly #log = new Log(RunsElsewhere.name);
  #unsubscribe: (() => void) | null = null;

  constructor(
    private readonly engine: RunEngine,
    private readonly external: ExternalWatch,
    private readonly feed: CommitFeed,
    private readonly storage: Storage,
    private readonly places: RunPlaces,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.#unsubscribe = this.feed.subscribeRemote(this);
  }

  onModuleDestroy(): void {
    this.#unsubscribe?.();
  }

  watching(threadId: ThreadId): void {
    this.#compareAll(threadId);
  }

  committedElsewhere(_threadId: ThreadId, events: readonly StoredEvent[]): void {
    for (const event of events) {
      const { runId, type } = event;
      if (runId === null || !this.engine.has(runId)) continue;
      if (isTerminalType(type)) {
        this.engine.endedElsewhere(event, runId);
        continue;
      }
      // The log tells the answer redacted; the agent gets it as it was given, and its execution waits until it has it.
      if (type === 'input_received' && this.engine.executionOf(runId) !== undefined) void this.compare(runId);
      else this.engine.observe(event, runId);
    }
  }

  /** Scenario: the thread was made again by its id, and a run of the new log is in hand before the deletion is heard of. */
  deletedElsewhere(threadId: ThreadId): void {
    this.#compareAll(threadId);
  }

  /** Reads how a run in hand stands. Never rejects; where the storage does not answer, the next renewal asks again. */
  async compare(runId: RunId): Promise<void> {
    try {
      const run = await this.storage.runs.get(runId);
      if (run?.orphaned === true) {
        this.engine.endedElsewhere(null, runId);
        return;
      }
      // Before it has been taken up here, the transaction that would do so decides.
      if (this.engine.executionOf(runId)?.begun ?? this.external.isWatched(runId)) this.#bringInLine(runId, run);
    } catch (error) {
      this.#log.debug(`a run cannot be compared with its record: ${reasonOf(error)}`, { runId });
    }
  }

  #compareAll(threadId: ThreadId): void {
    for (const runId of this.engine.ofThread(threadId)) void this.compare(runId);
  }

  #bringInLine(runId: RunId, run: RunRecord | null): void {
    if (run === null || hasEnded(run.status)) {
      this.engine.leave(runId);
      return;
    }
    if (run.node !== this.places.node) {
      const { threadId, userId, agent, node } = run;
      this.metrics.add('threadcast_agents_lost_runs_total', {});
      this.#log.warn('a run is another node’s by now: what is done for it here counts no more', {
        ...{ runId, threadId, userId, agent, node },
      });
      this.engine.leave(runId);
      return;
    }
    for (const input of run.inputs) {
      const answer = answerOf(input);
      if (input.status !== 'answered' || answer === undefined) continue;
      this.engine.executionOf(runId)?.answeredElsewhere(input.requestId, answer);
    }
  }
}
