import { Injectable } from '@nestjs/common';

import { Clock } from '../../clock/index.js';
import { Log } from '../../logs/index.js';
import { Metrics } from '../../metrics/index.js';
import type { Notice } from '../../storage/index.js';
import { Notices, type NoticeEnd } from '../../threads/index.js';
import { DeliveryOptions } from '../delivery-options.js';
import { backOffMs } from './back-off.js';
import { namesOf } from './notice-names.js';
import { NoticePostponed, NotifierCalls } from './notifier-calls.js';
import { Presence } from './presence.js';

/** So often a user's connections may come and go without receiving the event before the offline notifier is told. */
const MAX_LOSSES = 3;

/** `away`: nobody is there, or nobody who would do. `lost`: who was there has gone, and had time to come back. */
type Found = 'received' | 'told' | 'unfollowed' | 'lost' | 'follower_lost' | 'away';

/**
 * The way of one notice to its user: by a connection that follows the thread, or by `thread_activity` to the other
 * ones, or by the offline notifier where nobody is there. It ends with what shows that the user has it.
 */
@Injectable()
export class NoticeErrand {
  readonly #log = new Log('Notices');
  #awaited = 0;

  constructor(
    private readonly notices: Notices,
    private readonly presence: Presence,
    private readonly calls: NotifierCalls,
    private readonly options: DeliveryOptions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  /** How many wait for a receipt, or for a user to come back. */
  get awaited(): number {
    return this.#awaited;
  }

  /** Whether one more may wait like that. */
  get mayAwait(): boolean {
    return this.#awaited < this.options.maxReceipts;
  }

  /** Whether one more may wait for a call of the offline notifier. */
  get mayCall(): boolean {
    return this.calls.hasRoom;
  }

  /**
   * Resolves once the notice is settled, durably. Rejects when the signal is aborted, or the storage does not answer, and
   * with `NoticePostponed` where too many wait for the same: it is still owed then. A user who is there has been told
   * also then.
   */
  async run(notice: Notice, signal: AbortSignal): Promise<void> {
    const end = await this.#settled(notice, await this.#bring(notice, signal), signal);
    this.metrics.add('threadcast_delivery_notices_total', { outcome: end });
  }

  async #bring(notice: Notice, signal: AbortSignal): Promise<NoticeEnd> {
    let followerLost = false;
    for (let losses = 0; losses < MAX_LOSSES;) {
      const standing = await this.notices.standing(notice);
      signal.throwIfAborted();
      if (standing !== 'owed') return standing;
      const found = await this.#look(notice, followerLost, signal);
      if (found === 'received' || found === 'told') return found;
      if (found === 'away') break;
      // Who only reads something else now is there, and has lost nothing.
      if (found === 'unfollowed') continue;
      followerLost ||= found === 'follower_lost';
      losses += 1;
    }
    return this.calls.notify(notice, signal);
  }

  async #look(notice: Notice, followerLost: boolean, signal: AbortSignal): Promise<Found> {
    const mayAwait = this.mayAwait;
    if (mayAwait) this.#awaited += 1;
    try {
      const { way, receipt, goneForMs } = await this.presence.reach(notice, mayAwait);
      // Of a follower that has gone the offline notifier is told, also where others were told now.
      if (way === 'told' && followerLost) return 'away';
      const { returnMs } = this.options;
      if (way === 'nobody' && (goneForMs === null || goneForMs >= returnMs)) return 'away';
      if (receipt === null || !mayAwait) throw new NoticePostponed();
      const received = await unlessAborted(receipt, signal);
      if (received === 'received') return way === 'followed' ? 'received' : 'told';
      if (received === 'unfollowed') return 'unfollowed';
      // A client whose line is cut comes back by itself, and reads on at its cursor.
      await this.clock.sleep(returnMs - (goneForMs ?? 0), signal);
      return way === 'followed' ? 'follower_lost' : 'lost';
    } finally {
      if (mayAwait) this.#awaited -= 1;
    }
  }

  /** The user was told: that must not be forgotten because the storage does not answer just now. */
  async #settled(notice: Notice, end: NoticeEnd, signal: AbortSignal): Promise<NoticeEnd> {
    if (end === 'thread_deleted') return end;
    for (let tried = 0; ; tried += 1) {
      try {
        return await this.notices.settle(notice, end);
      } catch (error) {
        signal.throwIfAborted();
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warn(`a notice is ${end}, which cannot be stored yet: ${reason}`, namesOf(notice));
        await this.clock.sleep(backOffMs(tried), signal);
      }
    }
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
