import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Response } from 'express';

import { Clock } from '../clock/index.js';
import { LiveConnections } from '../delivery/index.js';
import { invalidFields, ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
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
import { RemoteWaits, stateOf, type AwaitedFollowing, type FollowingState } from './remote-waits.js';
import { WaitPlaces } from './wait-places.js';

/**
 * `unknown`: it turned out to be somebody else's. `unreachable`: it may be on a node that cannot be asked. `request_gone`:
 * whoever asked over HTTP does not wait any more.
 */
type WaitOutcome =
  | 'followed'
  | 'timed_out'
  | 'disconnected'
  | 'request_gone'
  | 'thread_deleted'
  | 'access_removed'
  | 'unknown'
  | 'unreachable'
  | 'draining';

/** What a wait came to. */
export interface SettledWait {
  readonly followed: boolean;
  readonly tookMs: number;
  /** False: it followed, and has gone or left the thread since. In the same turn for a connection of this node. */
  readonly isStillTrue: () => boolean | Promise<boolean>;
}

/** One request that waits: ends once, by whatever comes first. */
class Wait {
  end!: (outcome: WaitOutcome) => void;
  readonly ended = new Promise<WaitOutcome>((resolve) => (this.end = resolve));

  #access: ThreadAccess | null = null;
  #removedAt: { readonly epoch: string; readonly seq: number } | null = null;
  #goneEpoch: string | null = null;

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
  hear(events: readonly StoredEvent[], epoch: string): void {
    for (const { seq } of events.filter((event) => takesAccessFrom(event, this.userId)))
      this.#removedAt = { epoch, seq };
    this.#judge();
  }

  /** The log of that epoch is gone; the caller's may be a later one. */
  logGone(epoch: string): void {
    this.#goneEpoch = epoch;
    this.#judge();
  }

  #judge(): void {
    const [access, removed] = [this.#access, this.#removedAt];
    if (access === null) return;
    if (this.#goneEpoch === access.epoch) this.end('thread_deleted');
    if (access.role === 'owner' || removed?.epoch !== access.epoch) return;
    if (removed.seq > access.head) this.end('access_removed');
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
    private readonly remote: RemoteWaits,
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

  committed(threadId: ThreadId, events: readonly StoredEvent[], _givenAt: number, epoch: string): void {
    this.committedElsewhere(threadId, events, epoch);
  }

  deleted(threadId: ThreadId): void {
    for (const wait of this.#waits) if (wait.threadId === threadId) wait.end('thread_deleted');
  }

  /** What came before is seen by the start itself, which judges access again. */
  watching(): void {
    return;
  }

  committedElsewhere(threadId: ThreadId, events: readonly StoredEvent[], epoch: string): void {
    for (const wait of this.#waits) if (wait.threadId === threadId) wait.hear(events, epoch);
  }

  deletedElsewhere(threadId: ThreadId, epoch: string): void {
    for (const wait of this.#waits) if (wait.threadId === threadId) wait.logGone(epoch);
  }

  async #ended(wait: Wait, awaited: AwaitedFollowing, res: Response): Promise<WaitOutcome> {
    const stopWatching = this.#watch(awaited, (state) => {
      if (state !== 'open') wait.end(state);
    });
    const leaves = (): void => wait.end('request_gone');
    const timer = this.clock.after(this.options.contextTimeoutMs, () => wait.end('timed_out'));
    res.once('close', leaves);
    if (res.destroyed) leaves();
    try {
      return await wait.ended;
    } finally {
      res.off('close', leaves);
      timer.cancel();
      stopWatching();
    }
  }

  /** Tells how the connection stands now, where that is known in this turn, and at each change. */
  #watch(awaited: AwaitedFollowing, tell: (state: FollowingState) => void): () => void {
    const { userId, threadId, connectionId } = awaited;
    const connection = this.live.find(connectionId);
    if (connection === null) {
      const hasClosed = this.live.hasClosed(connectionId, userId);
      if (!hasClosed && this.remote.isShared) return this.remote.watch(awaited, tell);
      tell(hasClosed ? 'disconnected' : 'unknown');
      return () => undefined;
    }
    const judge = (): void => tell(stateOf(connection, userId, threadId));
    const stopWatching = this.live.watch(connectionId, judge);
    judge();
    return stopWatching;
  }

  #follows(awaited: AwaitedFollowing): boolean | Promise<boolean> {
    const { userId, threadId, connectionId } = awaited;
    const connection = this.live.find(connectionId);
    if (connection !== null) return stateOf(connection, userId, threadId) === 'followed';
    if (this.live.hasClosed(connectionId, userId)) return false;
    // A node that cannot say takes nothing back of what it has said a moment ago.
    return (
      this.remote.isShared && this.remote.look(awaited).then((state) => ['followed', 'unreachable'].includes(state))
    );
  }

  #answerTo(outcome: WaitOutcome): boolean {
    this.metrics.add('threadcast_http_connection_waits_total', { outcome });
    if (outcome === 'draining') throw new ThreadcastError('draining');
    if (outcome === 'thread_deleted' || outcome === 'access_removed') throw new ThreadcastError('thread_not_found');
    if (outcome !== 'unknown') return outcome === 'followed';
    throw invalidFields([{ field: 'connectionId', message: 'connectionId is no open connection of yours' }]);
  }
}
