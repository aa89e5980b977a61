import { setMaxListeners } from 'node:events';

import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock, type Timer } from '../../clock/index.js';
import type { ThreadId } from '../../ids/index.js';
import { Log } from '../../logs/index.js';
import { Metrics } from '../../metrics/index.js';
import { Lifecycle } from '../../startup/index.js';
import type { Notice, StoredEvent } from '../../storage/index.js';
import { CommitFeed, NoticeTaken, Notices, isTerminalType, type CommitListener } from '../../threads/index.js';
import { DeliveryOptions } from '../delivery-options.js';
import { NoticeErrand } from './notice-errand.js';
import { NoticePostponed } from './notifier-calls.js';
import { Presence } from './presence.js';

const SWEEP_MS = 10_000;
const PRUNE_MS = 600_000;
const PAGE = 500;

/**
 * Sees to it that every notice that is owed is brought to its user. What is owed is in the storage and survives this
 * process; the commit that it hears of is a hint to take it up at once. In a cluster one node claims each notice, and another
 * one goes on where that dies. What was left by a process before, what came
 * while too many were in hand, and what failed for lack of storage is taken up by looking what is owed.
 *
 * Nothing is begun before the process is ready, for nobody can be there yet, or once it drains, for everybody goes.
 */
@Injectable()
export class NoticeCourier implements CommitListener, OnModuleDestroy {
  readonly #log = new Log('Notices');
  readonly #closing = new AbortController();
  readonly #inHand = new Set<string>();
  readonly #timers: Timer[] = [];
  readonly #unsubscribe: () => void;
  /** Something is owed that is not in hand, perhaps. */
  #behind = true;
  #isSweeping = false;
  /** Where the next sweep begins. */
  #sweptTo = 0;

  constructor(
    feed: CommitFeed,
    private readonly notices: Notices,
    private readonly errand: NoticeErrand,
    private readonly presence: Presence,
    private readonly lifecycle: Lifecycle,
    private readonly options: DeliveryOptions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {
    this.#unsubscribe = feed.subscribe(this);
    // Everything in hand listens to it.
    setMaxListeners(0, this.#closing.signal);
  }

  /** To be called once the storage is open. What is owed is taken up a while after clients can be there. */
  begin(): void {
    this.#timers.push(this.clock.every(PRUNE_MS, () => void this.#prune()));
    this.lifecycle.on('ready', () => {
      if (this.#closing.signal.aborted) return;
      this.#timers.push(
        this.clock.after(this.options.returnAfterStartMs, () => {
          this.#sweep();
          this.#timers.push(this.clock.every(SWEEP_MS, () => this.#sweep()));
        }),
      );
    });
  }

  /** Lets everything lie; it stays owed. */
  rest(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
    this.#closing.abort(new Error('The process is about to end.'));
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
    this.rest();
  }

  committed(threadId: ThreadId, events: readonly StoredEvent[]): void {
    if (!this.#isAtWork()) return;
    for (const { runId, type, seq } of events) {
      if (runId === null || (type !== 'input_requested' && !isTerminalType(type))) continue;
      const { maxNoticesInHand } = this.options;
      if (!this.#take({ threadId, seq }, maxNoticesInHand, () => this.notices.of(threadId, seq))) this.#postpone();
    }
  }

  /** Each notice looks by itself whether its thread is still there. */
  deleted(): void {
    return;
  }

  #isAtWork(): boolean {
    return this.lifecycle.phase === 'ready' && !this.#closing.signal.aborted;
  }

  /** False: so many are in hand already. */
  #take(
    { threadId, seq }: Pick<Notice, 'threadId' | 'seq'>,
    most: number,
    find: () => Promise<Notice | null>,
  ): boolean {
    const key = `${threadId}:${seq}`;
    if (this.#inHand.has(key)) return true;
    if (this.#inHand.size - this.errand.awaited >= most) return false;
    this.#inHand.add(key);
    this.#count();
    void this.#carry(find).finally(() => {
      this.#inHand.delete(key);
      this.#count();
    });
    return true;
  }

  async #carry(find: () => Promise<Notice | null>): Promise<void> {
    const { signal } = this.#closing;
    try {
      const notice = await find();
      if (notice !== null && (await this.notices.claim(notice))) await this.errand.run(notice, signal);
    } catch (error) {
      if (error instanceof NoticeTaken) return;
      if (error instanceof NoticePostponed) this.#postpone();
      else if (!signal.aborted) this.#failed(error);
    }
  }

  #postpone(): void {
    this.#behind = true;
    this.metrics.add('threadcast_delivery_notices_deferred_total', {});
  }

  #sweep(): void {
    const mayFind = this.#behind || this.notices.areShared;
    if (!mayFind || this.#isSweeping || !this.#isAtWork()) return;
    this.#isSweeping = true;
    void this.#takeUpOwed()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#isSweeping = false));
  }

  /**
   * Of what may be in hand, a quarter is for what happens now, and half is the most that users who are away may have: so
   * those who are there get theirs, whatever waits for the others.
   */
  async #takeUpOwed(): Promise<void> {
    const from = this.#sweptTo;
    this.#behind = from !== 0;
    for (let left = this.options.noticesPerSweep; left > 0 && !this.#closing.signal.aborted;) {
      const { notices, next } = await this.notices.owed({ after: this.#sweptTo, limit: Math.min(PAGE, left) });
      left -= notices.length;
      const here = await this.presence.here(new Set(notices.map(({ userId }) => userId)));
      for (const notice of notices) if (!this.#takeOwed(notice, here.has(notice.userId))) this.#behind = true;
      this.#sweptTo = next ?? 0;
      if (next === null) return;
    }
    this.#behind = true;
  }

  #takeOwed(notice: Notice, isHere: boolean): boolean {
    const { maxNoticesInHand } = this.options;
    if (isHere ? !this.errand.mayAwait : !this.errand.mayCall) return false;
    return this.#take(notice, maxNoticesInHand * (isHere ? 0.75 : 0.5), () => Promise.resolve(notice));
  }

  async #prune(): Promise<void> {
    try {
      await this.notices.prune();
    } catch (error) {
      this.#log.debug(`Old notices are not forgotten yet: ${String(error)}`);
    }
  }

  #failed(error: unknown): void {
    this.#behind = true;
    this.metrics.add('threadcast_delivery_notice_failures_total', {});
    this.#log.warn(`A notice stays owed, and is taken up again: ${String(error)}`);
  }

  #count(): void {
    this.metrics.set('threadcast_delivery_notices_in_hand', {}, this.#inHand.size);
  }
}
