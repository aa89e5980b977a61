import type { LinkOptions, LinkState } from './link.js';

export interface ClientOptions extends LinkOptions {
  /** Requests that wait for their answers. What is over is refused with `outbox_full`. Default 1000. */
  readonly maxWaiting?: number;
  /** Events that a slow `for await` keeps before it reads from the log instead. Default 1000. */
  readonly maxBuffered?: number;
  /** Whether what was seen is acknowledged. Default true. */
  readonly acknowledge?: boolean;
}

export interface ClientState extends LinkState {
  readonly activeThreadId: string | null;
  /** Requests that were not answered yet. */
  readonly waiting: number;
  /** Requests that were sent again, because the connection went before their answer. */
  readonly repeated: number;
  /** Events that did not follow the one before; each time the thread was followed anew. Zero, unless somebody errs. */
  readonly holes: number;
  readonly repetitions: number;
}
