import type { WireError } from '../errors/index.js';
import type { LineFields } from '../logs/index.js';
import type { Connection } from './connection.js';
import type { Letter } from './mailbox.js';
import type { RequestContext } from './request-context.js';

export type AckFunction = (answer: unknown) => void;

/** How a request ended, for the metrics. */
export type RequestOutcome = 'ok' | 'dropped' | WireError['code'];

/** What the interceptor has made of a request for its handler. `context` is null for requests served to anybody. */
export interface PreparedRequest {
  readonly dto: object;
  readonly context: RequestContext | null;
}

/** What others do with a request. */
export interface RequestSteps {
  readonly process: (request: IncomingRequest) => Promise<void>;
  /** Its type, or `unknown`. */
  readonly nameOf: (request: IncomingRequest) => string;
  readonly ended: (request: IncomingRequest, outcome: RequestOutcome) => void;
}

/**
 * One request of a client, from its arrival to its answer. It is answered exactly once; what was asked without a
 * callback hears of a failure as `exception`.
 */
export class IncomingRequest implements Letter {
  #outcome: RequestOutcome | null = null;
  #prepared: PreparedRequest | null = null;
  readonly #afterAnswer: (() => void)[] = [];
  readonly #afterRefusal: (() => void)[] = [];
  /** It waits for its connection to become ready. */
  held = false;

  constructor(
    readonly connection: Connection,
    readonly type: string,
    readonly payload: Readonly<Record<string, unknown>>,
    /** Of its JSON text. */
    readonly bytes: number,
    /** Monotonic ms. */
    readonly receivedAt: number,
    private readonly ack: AckFunction | null,
    private readonly steps: RequestSteps,
  ) {}

  process(): Promise<void> {
    return this.steps.process(this);
  }

  /** What lines of the log say of it: its name where that is one of ours, for a client can call it anything. */
  get names(): LineFields {
    return { ...this.connection.names, request: this.steps.nameOf(this) };
  }

  get answered(): boolean {
    return this.#outcome !== null;
  }

  /** Throws before the interceptor has prepared it. */
  get prepared(): PreparedRequest {
    if (this.#prepared === null) throw new Error('The request has not been through the interceptor.');
    return this.#prepared;
  }

  prepare(parts: PreparedRequest): void {
    this.#prepared = Object.freeze(parts);
  }

  /** Runs `step` in the same turn as the answer, right after it; never when the request fails. */
  afterAnswer(step: () => void): void {
    this.#afterAnswer.push(step);
  }

  /** Runs `step` right after the client has been told that the request failed; never when it succeeds. */
  afterRefusal(step: () => void): void {
    this.#afterRefusal.push(step);
  }

  succeed(answer: object): void {
    if (!this.#end('ok')) return;
    this.ack?.({ ok: true, ...answer });
    for (const step of this.#afterAnswer) step();
  }

  fail(error: WireError): void {
    if (!this.#end(error.code)) return;
    if (this.ack !== null) this.ack({ ok: false, error });
    else this.connection.outbox.emit('exception', { request: this.type, error });
    for (const step of this.#afterRefusal) step();
  }

  /** Nobody is there to be answered, and it will not be processed. */
  drop(): void {
    this.#end('dropped');
  }

  #end(outcome: RequestOutcome): boolean {
    if (this.#outcome !== null) return false;
    this.#outcome = outcome;
    this.steps.ended(this, outcome);
    return true;
  }
}
