import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import type { RunId } from '../ids/index.js';
import type { ThreadEventData, ThreadEventType } from '../protocol/index.js';
import type { NewEvent } from '../storage/index.js';
import { Redactor } from './redactor.js';
import { THREADS_OPTIONS, ThreadsOptions } from './threads-options.js';

/** An event as its producer gives it. */
export interface EventInput<T extends ThreadEventType = ThreadEventType> {
  readonly type: T;
  readonly data: ThreadEventData[T];
  readonly runId?: RunId;
  readonly agent?: string;
}

/** Fields of events that are compared, never read as content: a user may be called `token:abc123`. */
const NAMES = new Set(['messageId', 'userId', 'role', 'runId', 'toolCallId', 'requestId', 'members', 'code']);

/** Makes events ready to be stored: redacted, bounded, serialised once. Everything below carries that text. */
@Injectable()
export class EventFactory {
  readonly #maxEventBytes: number;

  constructor(
    private readonly clock: Clock,
    private readonly redactor: Redactor,
    @Inject(THREADS_OPTIONS) options: Partial<ThreadsOptions>,
  ) {
    this.#maxEventBytes = Object.assign(new ThreadsOptions(), options).maxEventBytes;
  }

  /** Rejects data above the bound with `message_too_large`. */
  make<T extends ThreadEventType>(input: EventInput<T>): NewEvent {
    const data = JSON.stringify(this.#redacted(input.data));
    const bytes = Buffer.byteLength(data);
    if (bytes > this.#maxEventBytes) {
      throw new ThreadcastError('message_too_large', {
        message: `The data of ${input.type} has ${bytes} bytes; at most ${this.#maxEventBytes} are accepted.`,
        details: { bytes, maxBytes: this.#maxEventBytes },
      });
    }
    return this.#event(input, data);
  }

  /** What somebody said is searched for secrets; what says who and which must stay what it is. */
  #redacted(data: object): object {
    const entries = Object.entries(data).map(([key, value]: [string, unknown]) => [
      key,
      NAMES.has(key) ? value : this.redactor.redact({ [key]: value })[key],
    ]);
    return Object.fromEntries(entries) as object;
  }

  /** The text of a delta, redacted, before deltas are merged and given to `delta`. */
  redactText(text: string): string {
    return this.redactor.redactText(text);
  }

  /** A delta whose text went through `redactText` already. */
  delta(source: { runId: RunId; agent: string }, messageId: string, text: string): NewEvent {
    return this.#event({ type: 'agent_delta', ...source }, JSON.stringify({ messageId, text }));
  }

  #event(input: { type: ThreadEventType; runId?: RunId; agent?: string }, data: string): NewEvent {
    return { type: input.type, runId: input.runId ?? null, agent: input.agent ?? null, time: this.clock.now(), data };
  }
}
