import type { ActivityType } from '../../protocol/index.js';

/** What an offline notifier is told: ids, and nothing of what was said. */
export interface OfflineNotice {
  /** The same for every attempt at this notice, and for no other one. */
  readonly idempotencyKey: string;
  /** Who is not there. */
  readonly userId: string;
  readonly threadId: string;
  /** The mark of the thread's log. */
  readonly epoch: string;
  readonly runId: string;
  /** How the run ended, or `input_requested`. */
  readonly type: ActivityType;
  /** Of the event in the thread's log. */
  readonly seq: number;
  /** Of the event, Unix ms. */
  readonly time: number;
}

/**
 * Tells users who are not there that a run of theirs has ended or asks for input: by a webhook, a push service, a mail.
 * To replace it: `AppModule.forRoot(config, imports, { offlineNotifier: MyNotifier })`.
 *
 * It is called at least once for each notice, with the same `idempotencyKey` each time: again after it rejected, after
 * it took too long, and after a crash of this process, also one that came behind its success. Notices are given to it
 * in no particular order, several at a time.
 */
export abstract class OfflineNotifier {
  /**
   * Resolves once the notice is taken: it is not told again then. Rejects with `NoticeRefused` where it will never be
   * taken, and with anything else where it is to be told again later. Has to end when the signal is aborted; what it
   * does after that is not heard.
   */
  abstract notify(notice: OfflineNotice, signal: AbortSignal): Promise<void>;
}

/** This notice is not to be told again. The message is for the log. */
export class NoticeRefused extends Error {
  override readonly name = 'NoticeRefused';
}

/** This notice is to be told again, not before so many ms. The message is for the log. */
export class NoticeDeferred extends Error {
  override readonly name = 'NoticeDeferred';

  constructor(
    message: string,
    readonly retryAfterMs: number,
  ) {
    super(message);
  }
}
