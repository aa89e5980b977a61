import { Injectable } from '@nestjs/common';

import { ThreadcastError } from '../errors/index.js';
import { Metrics } from '../metrics/index.js';
import type { RequestType } from '../protocol/index.js';
import type { Connection } from './connection.js';
import { ConnectionCloser } from './connection-closer.js';
import { Failures } from './failures.js';
import { GatewayOptions } from './gateway-options.js';
import { IncomingRequest, type RequestOutcome, type RequestSteps } from './incoming-request.js';
import { readPacket, requestName, splitAck } from './read-packet.js';
import { RequestProcessor } from './request-processor.js';

const KNOWN: Readonly<Record<RequestType, true>> = {
  authenticate: true,
  create_thread: true,
  switch_thread: true,
  subscribe_thread: true,
  unsubscribe_thread: true,
  user_message: true,
  start_agent: true,
  stop_agent: true,
  provide_input: true,
  get_thread_history: true,
  ack_events: true,
  ping: true,
};

/** So many requests in a row are refused, with their answers not read, before the connection ends. */
const MAX_REFUSED_IN_A_ROW = 1_000;

/**
 * The first look at everything that a client sends: its size, its form, its rate; then into the mailbox. What is
 * refused here is answered here. Nothing is dropped without an answer or a count.
 */
@Injectable()
export class Reception {
  readonly #steps: RequestSteps = {
    process: (request) => this.processor.process(request),
    ended: (request, outcome) => this.#count(request, outcome),
  };

  constructor(
    private readonly options: GatewayOptions,
    private readonly processor: RequestProcessor,
    private readonly failures: Failures,
    private readonly closer: ConnectionCloser,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Takes a packet. `event` is what the client has sent as a name: the parser lets numbers through. Never throws: it
   * is called by the socket itself, and nobody above it would catch.
   */
  receive(connection: Connection, event: unknown, args: readonly unknown[]): void {
    try {
      if (connection.outbox.unsent === 0) connection.refusedInARow = 0;
      const refused = this.#take(connection, event, args);
      connection.refusedInARow = refused ? connection.refusedInARow + 1 : 0;
      this.#endHopeless(connection);
    } catch (error) {
      this.closer.closeForRepair(connection, this.failures.toError(error));
    }
  }

  /** True: refused, at once. */
  #take(connection: Connection, event: unknown, args: readonly unknown[]): boolean {
    const { values, ack } = splitAck(args);
    const name = requestName(event, values);
    const bytes = sizeOf([event, ...values], name === 'ping');
    const make = (payload: Readonly<Record<string, unknown>>): IncomingRequest =>
      new IncomingRequest(connection, name, payload, bytes ?? 0, ack, this.#steps);
    // What is larger still and fits a packet of the transport ends the socket all the same.
    const beyond = (bytes ?? 0) > this.options.maxMessageBytes * 4;
    try {
      this.#checkSize(bytes);
      const { payload } = readPacket(event, values);
      const request = make(payload);
      if (name === 'authenticate') this.#authenticate(connection, request);
      else this.#put(connection, request);
      return request.answered;
    } catch (error) {
      make({}).fail(this.failures.toWire(error));
      return true;
    } finally {
      if (beyond) connection.socket.conn.close();
    }
  }

  /** Overtakes what is held; bounded by the rate. */
  #authenticate(connection: Connection, request: IncomingRequest): void {
    this.#checkRate(connection);
    void request.process();
  }

  /** Before the connection is ready its bounds are those of the mailbox; the rate counts once requests are served. */
  #put(connection: Connection, request: IncomingRequest): void {
    if (connection.mailbox.isOpen) this.#checkRate(connection);
    else this.metrics.add('threadcast_gateway_held_requests_total', {});
    connection.mailbox.put(request);
  }

  /** Its client sends requests and reads no answers, or goes on with what is refused. A stranger is given less. */
  #endHopeless(connection: Connection): void {
    const { outbox, principal, refusedInARow } = connection;
    if (outbox.overflows || (principal === null && outbox.unsent > this.options.slowConsumerBytes)) {
      this.#end(connection, 'The answers to the requests are not read.');
    } else if (refusedInARow >= MAX_REFUSED_IN_A_ROW) {
      this.#end(connection, `${refusedInARow} requests in a row were refused.`);
    }
  }

  #end(connection: Connection, message: string): void {
    this.closer.closeForRepair(connection, new ThreadcastError('rate_limited', { message }));
  }

  #checkSize(bytes: number | null): void {
    const { maxMessageBytes } = this.options;
    if (bytes === null) {
      throw new ThreadcastError('invalid_payload', {
        message: 'The request cannot be read as JSON, or is nested too deep.',
        details: { fields: [{ field: 'payload', message: 'it must be JSON, without binary data' }] },
      });
    }
    if (bytes <= maxMessageBytes) return;
    throw new ThreadcastError('message_too_large', {
      message: `The request has ${bytes} bytes; at most ${maxMessageBytes} are accepted.`,
      details: { bytes, maxBytes: maxMessageBytes },
    });
  }

  #checkRate(connection: Connection): void {
    if (connection.rate.tryRemoveTokens(1)) return;
    const { rateLimitMessagesPerSec: perSecond } = this.options;
    throw new ThreadcastError('rate_limited', {
      message: `More than ${perSecond} requests a second.`,
      retryAfterMs: Math.ceil(1_000 / perSecond),
    });
  }

  #count(request: IncomingRequest, outcome: RequestOutcome): void {
    const type = Object.hasOwn(KNOWN, request.type) ? request.type : 'unknown';
    this.metrics.add('threadcast_gateway_requests_total', { request: type, outcome });
  }
}

/** Bytes of the JSON text; null for what has none: too deep, or binary where that is not taken. */
function sizeOf(values: readonly unknown[], takesBinary: boolean): number | null {
  try {
    const text = JSON.stringify(values);
    if (!text.includes(BINARY_MARK) || !values.some(holdsBinary)) return Buffer.byteLength(text);
    return takesBinary ? sizeWithBinary(values) : null;
  } catch {
    return null;
  }
}

/** What binary data looks like when it is written as JSON; a text may look like it too. */
const BINARY_MARK = '{"type":"Buffer","data":[';

function holdsBinary(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Buffer.isBuffer(value) || Object.values(value).some(holdsBinary);
}

/** Of the JSON text without the binary parts, and of these as they are. */
function sizeWithBinary(values: readonly unknown[]): number {
  let binaryBytes = 0;
  const text = JSON.stringify(values, (_key, value: unknown) => {
    if (!isWrittenBinary(value)) return value;
    binaryBytes += value.data.length;
    return null;
  });
  return Buffer.byteLength(text) + binaryBytes;
}

/** A buffer as it writes itself. */
function isWrittenBinary(value: unknown): value is { readonly data: readonly unknown[] } {
  if (typeof value !== 'object' || value === null || !('type' in value && 'data' in value)) return false;
  return value.type === 'Buffer' && Array.isArray(value.data) && value.data.every((byte) => typeof byte === 'number');
}
