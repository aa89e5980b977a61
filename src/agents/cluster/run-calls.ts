import { Injectable } from '@nestjs/common';
import { Queue, WaitingError, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';

import { Clock } from '../../clock/index.js';
import type { RunId } from '../../ids/index.js';
import { Log } from '../../logs/index.js';
import { Metrics } from '../../metrics/index.js';
import { AgentsOptions } from '../agents-options.js';
import { reasonOf } from '../../startup/index.js';

interface Call {
  readonly runId: RunId;
}

/** Says whether somebody else should hear the call again, because this node has no room now. */
type CallHandler = (runId: RunId) => Promise<'done' | 'full'>;

const QUEUE = 'runs';
/** Calls that are being handled here, and those on their way to Redis; what comes on top is left to the sweep. */
const AT_ONCE = 16;
const MAX_UNSENT = 1_000;
const CLOSE_MS = 1_000;
const CONNECT_MS = 1_500;
const LONGEST_RETRY_MS = 5_000;

/**
 * Calls a run out to the nodes of the cluster: one that has room looks at it. By BullMQ, one queue per cluster. A call is no
 * more than a hint with a run's id; whoever hears it decides by the storage, and is done with it before the run has begun. So
 * a call that is lost, or comes twice, costs a second or nothing.
 */
@Injectable()
export class RunCalls {
  readonly #log = new Log(RunCalls.name);
  #connections: readonly Redis[] = [];
  #queue: Queue<Call> | null = null;
  #worker: Worker<Call> | null = null;
  #unsent = 0;
  #paused = false;
  #isAway = false;

  constructor(
    private readonly options: AgentsOptions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  /** Never waits for Redis: until that answers nothing is heard, and nothing reaches anybody. */
  start(handler: CallHandler): void {
    const { cluster } = this.options;
    if (cluster === null) return;
    const prefix = `${cluster.clusterName}:jobs`;
    const [sending, hearing] = [this.#connect(cluster.redisUrl, true), this.#connect(cluster.redisUrl, false)];
    this.#connections = [sending, hearing];
    this.#queue = new Queue<Call>(QUEUE, { connection: sending, prefix, skipVersionCheck: true });
    this.#worker = new Worker<Call>(QUEUE, (job, token) => this.#heard(handler, job, token), {
      ...{ connection: hearing, prefix, skipVersionCheck: true, concurrency: AT_ONCE },
      ...{ removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } },
    });
    this.#queue.on('error', (error) => this.#complain(error));
    this.#worker.on('error', (error) => this.#complain(error));
  }

  /** Never throws and never waits: what cannot be sent now is dropped and counted. */
  call(runId: RunId): void {
    const [sending] = this.#connections;
    if (this.#queue === null || sending?.status !== 'ready' || this.#unsent >= MAX_UNSENT) {
      this.metrics.add('threadcast_agents_calls_total', { outcome: 'dropped' });
      return;
    }
    this.#unsent += 1;
    const options = { jobId: runId, removeOnComplete: true, removeOnFail: true };
    const sent = (outcome: string) => () => {
      this.#unsent -= 1;
      this.metrics.add('threadcast_agents_calls_total', { outcome });
    };
    void this.#queue.add('call', { runId }, options).then(sent('sent'), sent('dropped'));
  }

  /** Hears nothing until `resume`: there is no room. One call more may come, and is put back. */
  pause(): void {
    if (this.#worker === null || this.#paused) return;
    this.#paused = true;
    this.#worker.pause(true).catch((error: unknown) => this.#complain(error));
  }

  resume(): void {
    if (this.#worker === null || !this.#paused) return;
    this.#paused = false;
    void this.#worker.resume();
  }

  /** Hears nothing more, for good; calls still go out. */
  async quiet(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    if (worker !== null) await this.#within(worker.close(true));
  }

  /** Where Redis does not hear the goodbye, it is not waited for. Twice does nothing. */
  async close(): Promise<void> {
    await this.quiet();
    const queue = this.#queue;
    this.#queue = null;
    if (queue !== null) await this.#within(queue.close());
    for (const connection of this.#connections) connection.disconnect();
    this.#connections = [];
  }

  async #heard(handler: CallHandler, job: Job<Call>, token: string | undefined): Promise<void> {
    this.#isAway = false;
    if ((await handler(job.data.runId)) === 'done') return;
    this.pause();
    await job.moveToWait(token);
    throw new WaitingError();
  }

  #connect(url: string, fails: boolean): Redis {
    const connection = new Redis(url, {
      ...{ connectTimeout: CONNECT_MS, keepAlive: 10_000, maxRetriesPerRequest: null },
      retryStrategy: (times) => Math.min(LONGEST_RETRY_MS, 100 * 2 ** Math.min(times, 10)),
      // What is called while Redis is away is not kept for later; the worker's own questions wait.
      enableOfflineQueue: !fails,
      autoResendUnfulfilledCommands: !fails,
    });
    connection.on('error', (error) => this.#complain(error));
    return connection;
  }

  #within(work: Promise<unknown>): Promise<unknown> {
    const done = work.catch((error: unknown) => this.#complain(error));
    return Promise.race([done, this.clock.sleep(CLOSE_MS)]);
  }

  /** Once per absence: the driver says it with every try. */
  #complain(error: unknown): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#log.warn(`runs cannot be called out at the moment, and are found by looking: ${reasonOf(error)}`);
  }
}
