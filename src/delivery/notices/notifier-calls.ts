import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '../../clock/index.js';
import { Log } from '../../logs/index.js';
import { Metrics } from '../../metrics/index.js';
import { withDeadline } from '../../startup/index.js';
import type { Notice } from '../../storage/index.js';
import { Notices, Redaction, type NoticeEnd } from '../../threads/index.js';
import { DeliveryOptions } from '../delivery-options.js';
import { backOffMs } from './back-off.js';
import { NoticeDeferred, NoticeRefused, OfflineNotifier, type OfflineNotice } from './offline-notifier.js';
import { namesOf } from './notice-names.js';
import { Places } from './places.js';
import { WebhookNotifier } from './webhook-notifier.js';

/** A notifier that asks for a longer pause is called again after this one. */
const LONGEST_PAUSE_MS = 3_600_000;

/** Too many notices wait already: this one stays owed, and is taken up later. */
export class NoticePostponed extends Error {
  override readonly name = 'NoticePostponed';
}

type Attempt = NoticeEnd | { readonly pauseMs: number };

/** Calls the offline notifier until it has taken a notice, refuses it, or has failed for too long. */
@Injectable()
export class NotifierCalls {
  readonly #log = new Log('OfflineNotifier');
  readonly #places: Places;
  /** Notices that wait to be told again. */
  #failed = 0;
  /** The last call failed: one line in the log for all that fail in a row. */
  #failing = false;

  constructor(
    @Inject(OfflineNotifier) private readonly notifier: OfflineNotifier | null,
    private readonly options: DeliveryOptions,
    private readonly notices: Notices,
    private readonly redaction: Redaction,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {
    this.#places = new Places(options.maxNotifierCalls);
    if (options.webhook !== null && !(notifier instanceof WebhookNotifier)) {
      this.#log.warn('The webhook is not used: a class takes its place.');
    }
  }

  /** Whether one more may wait. */
  get hasRoom(): boolean {
    return this.#places.waiting + this.#failed < this.options.maxNoticesInHand / 2;
  }

  /**
   * Resolves with how the notice ends. Rejects when the signal is aborted, when the storage does not answer, and with
   * `NoticePostponed`: what waits for a call, the first one or another one after a failure, takes at most half of what
   * may be in hand, however slow the notifier is. The other half is left to those who are there.
   */
  async notify(notice: Notice, signal: AbortSignal): Promise<NoticeEnd> {
    const { notifier } = this;
    if (notifier === null) return 'unnotified';
    for (let tried = 0; ; tried += 1) {
      if (this.#places.isTaken && !this.hasRoom) throw new NoticePostponed();
      const attempt = await this.#places.within(signal, async () => {
        const standing = await this.notices.standing(notice);
        return standing === 'owed' ? this.#attempt(notifier, notice, tried, signal) : standing;
      });
      if (typeof attempt === 'string') return attempt;
      await this.#pause(attempt.pauseMs, signal);
    }
  }

  async #pause(durationMs: number, signal: AbortSignal): Promise<void> {
    if (!this.hasRoom) throw new NoticePostponed();
    this.#failed += 1;
    try {
      await this.clock.sleep(durationMs, signal);
    } finally {
      this.#failed -= 1;
    }
  }

  async #attempt(notifier: OfflineNotifier, notice: Notice, tried: number, signal: AbortSignal): Promise<Attempt> {
    const { notifierTimeoutMs, giveUpAfterMs } = this.options;
    try {
      const told = offlineNotice(notice);
      await withDeadline(this.clock, notifierTimeoutMs, (abort) => notifier.notify(told, abort), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NoticeRefused) return this.#refused(notice, error);
      this.#countFailure(error);
      if (this.clock.now() - notice.time >= giveUpAfterMs) return this.#givenUp(notice, error);
      const pauseMs = error instanceof NoticeDeferred ? error.retryAfterMs : 0;
      return { pauseMs: Math.min(LONGEST_PAUSE_MS, Math.max(pauseMs, backOffMs(tried))) };
    }
    this.#count('delivered');
    if (this.#failing) this.#log.info('The offline notifier works again.');
    this.#failing = false;
    return 'notified';
  }

  #countFailure(error: unknown): void {
    this.#count('failed');
    if (this.#failing) return;
    this.#failing = true;
    this.#log.warn(`The offline notifier fails, and is called again: ${this.#reason(error)}`);
  }

  #refused(notice: Notice, error: NoticeRefused): NoticeEnd {
    this.#count('refused');
    this.#log.warn(`refused by the offline notifier: ${this.#reason(error)}`, namesOf(notice));
    return 'refused';
  }

  #givenUp(notice: Notice, error: unknown): NoticeEnd {
    this.#log.error(`given up, its user was not told: ${this.#reason(error)}`, namesOf(notice));
    return 'given_up';
  }

  #count(outcome: 'delivered' | 'failed' | 'refused'): void {
    this.metrics.add('threadcast_delivery_notifier_calls_total', { outcome });
  }

  /** A notifier of somebody else may put anything into its errors. */
  #reason(error: unknown): string {
    return this.redaction.textOrWithheld(error instanceof Error ? error.message : String(error)).slice(0, 500);
  }
}

/** The same in every process and for every attempt; that of a log made again under its id is another one. */
function keyOf({ threadId, epoch, seq }: Notice): string {
  return `${threadId}:${epoch}:${seq}`;
}

function offlineNotice(notice: Notice): OfflineNotice {
  const { userId, threadId, epoch, runId, type, seq, time } = notice;
  return { idempotencyKey: keyOf(notice), userId, threadId, epoch, runId, type, seq, time };
}
