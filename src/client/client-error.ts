import type { DetachReason } from '../protocol/index.js';
import type { Refusal } from './wire.js';

/** Codes of the protocol, and what only a client can find. */
export type ClientErrorCode =
  | Refusal['code']
  /** The client was closed before the answer came. What was sent may have happened. */
  | 'client_closed'
  /** More requests wait for a connection than `maxWaiting`. Nothing was sent. */
  | 'outbox_full'
  /** The server has ended the following: `details.reason` is `deleted` or `access_removed`. */
  | 'thread_detached'
  /** The token function failed; `cause` is what it threw. */
  | 'no_token';

export interface ClientErrorOptions {
  readonly retryable?: boolean;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** What promises of the client reject with. Go by `code`; the message is for people. */
export class ThreadcastClientError extends Error {
  override readonly name = 'ThreadcastClientError';
  /** The same request may succeed later. */
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    readonly code: ClientErrorCode,
    message: string,
    { retryable = false, details, cause }: ClientErrorOptions = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.retryable = retryable;
    this.details = details;
  }

  static of({ code, message, retryable, details }: Refusal): ThreadcastClientError {
    return new ThreadcastClientError(code, message, { retryable, details });
  }

  static closed(): ThreadcastClientError {
    return new ThreadcastClientError('client_closed', 'The client is closed.');
  }

  static detached(reason: DetachReason): ThreadcastClientError {
    return new ThreadcastClientError('thread_detached', 'The server has ended the following.', { details: { reason } });
  }
}
