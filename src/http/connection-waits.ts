import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Response } from 'express';

import { Clock } from '../clock/index.js';
import { LiveConnections, type LiveConnection } from '../delivery/index.js';
import { invalidFields, ThreadcastError } from '../errors/index.js';
import type { ConnectionId, ThreadId } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import { DrainStep, type DrainStage } from '../startup/index.js';
import {
  CommitFeed,
  takesAccessFrom,
  ThreadsService,
  WatchedThreads,
  type CommitListener,
  type RemoteCommitListener,
  type StoredEvent,
  type ThreadAccess,
} from '../threads/index.js';
import { HttpOptions } from './http-options.js';
import { WaitPlaces } from './wait-places.js';

/** `unknown`: it turned out to be somebody else's. `request_gone`: whoever asked over HTTP does not wait any more. */
type WaitOutcome =
  | 'followed'
  | 'timed_out'
  | 'disconnected'
  | 'request_gone'
  | 'thread_deleted'
  | 'access_removed'
  | 'unknown'
  | 'draining';

/** What is waited for. */
interface AwaitedFollowing {
  readonly userId: string;
  readonly threadId: ThreadId;
  readonly connectionId: ConnectionId;
}

/** What a wait came to. */
export interface SettledWait {
  readonly followed: boolean;
  readonly tookMs: number;
  /** False: it followed, and has gone or left the thread since. */
  readonly isStillTrue: () => boolean;
}

/** One request that waits: ends once, by whatever comes first. */
class Wait {
  end!: (outcome: WaitOutcome) => void;
  readonly ended = new Promise<WaitOutcome>((resolve) => (this.end = resolve));

  #access: ThreadAccess | null = null;
  #removedAt = 0;

  constructor(
    readonly threadId: ThreadId,
    private readonly userId: string,
  ) {}

  /** The caller may, as far as that log goes. */
  admit(access: ThreadAccess): void {
    this.#access = access;
    this.#judge();
  }

  /** What was appended to the thread, also before it is known how far access was judged. */
  hear(events: readonly StoredEvent[]): void {
    for (const event of events) if (takesAccessFrom(event, this.userId)) this.#removedAt = event.seq;
    this.#judge();
  }

  #judge(): void {
    const access = this.#access;
    if (access !== null && access.role !== 'owner' && this.#removedAt > access.head) this.end('access_removed');
  }
}

/**
 * Starts over HTTP that wait until a connection of their caller follows the thread. Nothing of such a start is stored
 * before the wait is over, so one that is refused meanwhile has changed nothing.
 */
@Injectable()
export class ConnectionWaits extends DrainStep implements CommitListener, RemoteCommitListener, OnModuleDestroy {
  override readonly name = 'waits for connections';
  override readonly stage: DrainStage = 'announce';
  readonly #waits = new Set<Wait>();
  readonly #unsubscribe: readonly (() => void)[];
  #draining = false;

  constructor(
    private readonly live: LiveConnections,
    private readonly threads: ThreadsService,
    private readonly places: WaitPlaces,
    private readonly options: HttpOptions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly watched: WatchedThreads,
    feed: CommitFeed,
  ) {
    super();
    this.#unsubscribe = [feed.subscribe(this), feed.subscribeRemote(this)];
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  /**
   * Resolves as soon as the connection follows the thread; as well when it has not for `contextTimeoutMs`, has closed,
   * or nobody waits for the answer any more. Rejects with `thread_not_found`, with `invalid_payload` where
   * the caller has no such connection and had none a short while ago, with `pending_queue_full`, and with `draining`.
   */
  async settle(awaited: AwaitedFollowing, res: Response): Promise<SettledWait> {
    const begun = this.clock.monotonic();
    const leave = this.places.enter(awaited.userId);
    const wait = new Wait(awaited.threadId, awaited.userId);
    this.#waits.add(wait);
    const unwatch = this.watched.watch(awaited.threadId);
    try {
      if (this.#draining) wait.end('draining');
      // With its place taken: what takes the thread away after this was read ends the wait.
      wait.admit(await this.threads.access(awaited.userId, awaited.threadId));
      const followed = this.#answerTo(await this.#ended(wait, awaited, res));
      return {
        followed,
        tookMs: Math.round(this.clock.monotonic() - begun),
        isStillTrue: () => !followed || this.#follows(awaited),
      };
    } finally {
      this.#waits.delete(wait);
      unwatch();
      leave();
    }
  }

  override run(): Promise<void> {
    this.#draining = true;
    for (const wait of this.#waits) wait.end('draining');
    return Promise.resolve();
  }

  committed(threadId: ThreadId, events: readonly StoredEvent[]): void {
    for (const wait of this.#waits) if (wait.threadId === threadId) wait.hear(events);
  }

  deleted(threadId: ThreadId): void {
    for (const wait of this.#waits) if (wait.threadId === threadId) wait.end('thread_deleted');
  }

  /** What came before is seen by the start itself, which judges access again. */
  watching(): void {
    return;
  }

  committedElsewhere(threadId: ThreadId, events: readonly StoredEvent[]): void {
    this.committed(threadId, events);
  }

  deletedElsewhere(threadId: ThreadId): void {
    this.deleted(threadId);
  }

  async #ended(wait: Wait, { userId, threadId, connectionId }: AwaitedFollowing, res: Response): Promise<WaitOutcome> {
    const connection = this.live.find(connectionId);
    if (connection === null) {
      wait.end(this.live.hasClosed(connectionId, userId) ? 'disconnected' : 'unknown');
      return wait.ended;
    }
    const judge = (): void => {
      const outcome = outcomeOf(connection, userId, threadId);
      if (outcome !== null) wait.end(outcome);
    };
    const leaves = (): void => wait.end('request_gone');
    const stopWatching = this.live.watch(connectionId, judge);
    const timer = this.clock.after(this.options.contextTimeoutMs, () => wait.end('timed_out'));
    res.once('close', leaves);
    judge();
    if (res.destroyed) leaves();
    try {
      return await wait.ended;
    } finally {
      res.off('close', leaves);
      timer.cancel();
      stopWatching();
    }
  }

  #follows({ userId, threadId, connectionId }: AwaitedFollowing): boolean {
    const connection = this.live.find(connectionId);
    return connection !== null && outcomeOf(connection, userId, threadId) === 'followed';
  }

  #answerTo(outcome: WaitOutcome): boolean {
    this.metrics.add('threadcast_http_connection_waits_total', { outcome });
    if (outcome === 'draining') throw new ThreadcastError('draining');
    if (outcome === 'thread_deleted' || outcome === 'access_removed') throw new ThreadcastError('thread_not_found');
    if (outcome !== 'unknown') return outcome === 'followed';
    throw invalidFields([{ field: 'connectionId', message: 'connectionId is no open connection of yours' }]);
  }
}

/** A connection that has no user yet is waited for: its client knows its id before its token has been looked at. */
function outcomeOf(connection: LiveConnection, userId: string, threadId: ThreadId): WaitOutcome | null {
  if (connection.userId !== null && connection.userId !== userId) return 'unknown';
  if (connection.isClosed) return 'disconnected';
  return connection.userId === userId && connection.follower.follows(threadId) ? 'followed' : null;
}
