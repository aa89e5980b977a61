import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import type { RunId } from '../ids/index.js';
import type { ThreadEventData, ThreadEventType } from '../protocol/index.js';
import type { NewEvent } from '../storage/index.js';
import { Redaction } from './redaction.js';
import { THREADS_OPTIONS, ThreadsOptions } from './threads-options.js';
import { withoutStack } from './without-stack.js';

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
    private readonly redaction: Redaction,
    @Inject(THREADS_OPTIONS) options: Partial<ThreadsOptions>,
  ) {
    this.#maxEventBytes = Object.assign(new ThreadsOptions(), options).maxEventBytes;
  }

  /** Throws `message_too_large` for data above the bound, and a `RedactionFailure`. */
  make<T extends ThreadEventType>(input: EventInput<T>): NewEvent {
    // What somebody said is searched for secrets; what says who and which must stay what it is.
    const data = this.redaction.json(forUsers(input), NAMES);
    const bytes = Buffer.byteLength(data);
    if (bytes > this.#maxEventBytes) {
      throw new ThreadcastError('message_too_large', {
        message: `The data of ${input.type} has ${bytes} bytes; at most ${this.#maxEventBytes} are accepted.`,
        details: { bytes, maxBytes: this.#maxEventBytes },
      });
    }
    return this.#event(input, data);
  }

  /** An event that holds nothing but words, codes and names of the server's own: not redacted. */
  plain<T extends ThreadEventType>(input: EventInput<T>): NewEvent {
    return this.#event(input, JSON.stringify(input.data));
  }

  /** The text of a delta, redacted, before deltas are merged and given to `delta`. */
  redactText(text: string): string {
    return this.redaction.text(text);
  }

  /** Redacted; where that fails, other words that say so. Never throws. */
  redactTextOrWithhold(text: string): string {
    return this.redaction.textOrWithheld(text);
  }

  /** A delta whose text went through `redactText` already. */
  delta(source: { runId: RunId; agent: string }, messageId: string, text: string): NewEvent {
    return this.#event({ type: 'agent_delta', ...source }, JSON.stringify({ messageId, text }));
  }

  #event(input: { type: ThreadEventType; runId?: RunId; agent?: string }, data: string): NewEvent {
    return { type: input.type, runId: input.runId ?? null, agent: input.agent ?? null, time: this.clock.now(), data };
  }
}

/** Errors without their stack traces, whoever tells them. */
function forUsers({ type, data }: EventInput): ThreadEventData[ThreadEventType] {
  if (type === 'agent_error') {
    const told = data as ThreadEventData['agent_error'];
    return { ...told, message: withoutStack(told.message) };
  }
  if (type !== 'tool_completed') return data;
  const told = data as ThreadEventData['tool_completed'];
  return typeof told.error === 'string' ? { ...told, error: withoutStack(told.error) } : told;
}
