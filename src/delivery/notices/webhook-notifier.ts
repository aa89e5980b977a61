import { createHmac } from 'node:crypto';

import type { Clock } from '../../clock/index.js';
import { NoticeDeferred, NoticeRefused, OfflineNotifier, type OfflineNotice } from './offline-notifier.js';

export interface WebhookOptions {
  /** Where to post to. It may be secret, and is never logged. */
  readonly url: string;
  /** Signs what is sent. */
  readonly secret: string;
}

const GONE = 410;

/**
 * Posts each notice as JSON, signed: `Threadcast-Signature: t=<Unix s>,v1=<hex>` is the HMAC-SHA256 of `<t>.<body>`, so that
 * a receiver knows who has sent it and when. 2xx is taken, 410 refuses the notice for ever, everything else is told
 * again. Redirects are not followed: the signature is for this address.
 */
export class WebhookNotifier extends OfflineNotifier {
  constructor(
    private readonly options: WebhookOptions,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async notify(notice: OfflineNotice, signal: AbortSignal): Promise<void> {
    const { idempotencyKey, userId, threadId, epoch, runId, type, seq, time } = notice;
    const body = JSON.stringify({ idempotencyKey, userId, threadId, epoch, runId, type, seq, time });
    const response = await this.#post(idempotencyKey, body, signal);
    // What it says beside its status is of no interest, and may be long.
    await response.body?.cancel();
    if (response.ok) return;
    const message = `it answers with status ${response.status}`;
    if (response.status === GONE) throw new NoticeRefused(message);
    const retryAfterMs = this.#retryAfterMs(response);
    throw retryAfterMs === null ? new Error(message) : new NoticeDeferred(message, retryAfterMs);
  }

  /** Its errors carry no address: what fetch throws may. */
  async #post(idempotencyKey: string, body: string, signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(this.options.url, {
        method: 'POST',
        redirect: 'manual',
        signal,
        body,
        headers: {
          'Content-Type': 'application/json',
          'User-Agent': 'Threadcast',
          'Idempotency-Key': idempotencyKey,
          'Threadcast-Signature': this.#signature(body),
        },
      });
    } catch (error) {
      signal.throwIfAborted();
      throw new Error(`it cannot be reached (${codeOf(error)})`, { cause: error });
    }
  }

  #signature(body: string): string {
    const time = Math.floor(this.clock.now() / 1_000);
    const hmac = createHmac('sha256', this.options.secret).update(`${time}.${body}`).digest('hex');
    return `t=${time},v1=${hmac}`;
  }

  /** Seconds, or a date; null: it says nothing of it. */
  #retryAfterMs({ headers }: Response): number | null {
    const given = headers.get('retry-after') ?? '';
    if (/^\d{1,9}$/.test(given)) return Number(given) * 1_000;
    const until = Date.parse(given);
    return Number.isNaN(until) ? null : Math.max(0, until - this.clock.now());
  }
}

/** Such as `ECONNREFUSED`. */
function codeOf(error: unknown): string {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'no answer';
}
