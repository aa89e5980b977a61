import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ERRORS, ThreadcastError } from '../errors/index.js';
import { UserRates } from '../identity/index.js';
import { Metrics } from '../metrics/index.js';
import { ANSWERS } from '../protocol/index.js';
import type { Connection } from './connection.js';
import { ConnectionCloser } from './connection-closer.js';
import { Failures } from './failures.js';
import { GatewayOptions } from './gateway-options.js';
import { IncomingRequest, type RequestOutcome, type RequestSteps } from './incoming-request.js';
import { readPacket, requestName, splitAck } from './read-packet.js';
import { RequestProcessor } from './request-processor.js';
import { RequestTraces } from './request-traces.js';

/** So many requests in a row are refused, with their answers not read, before the connection ends. */
const MAX_REFUSED_IN_A_ROW = 1_000;

/**
 * The first look at everything that a client sends: its size, its form, its rate; then into the mailbox. What is
 * refused here is answered here. Nothing is dropped without an answer or a count.
 */
@Injectable()
export class Reception {
  readonly #process = (request: IncomingRequest): Promise<void> => this.processor.process(request);
  readonly #steps: RequestSteps = {
    process: (request) => {
      this.#release(request);
      return this.traces.process(request, this.#process);
    },
    nameOf: (request) => nameOf(request),
    ended: (request, outcome) => this.#count(request, outcome),
  };

  constructor(
    private readonly options: GatewayOptions,
    private readonly processor: RequestProcessor,
    private readonly traces: RequestTraces,
    private readonly failures: Failures,
    private readonly closer: ConnectionCloser,
    private readonly userRates: UserRates,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
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
      this.closer.closeForRepair(connection, this.failures.toError(error, connection.names));
    }
  }

  /** True: refused, at once. */
  #take(connection: Connection, event: unknown, args: readonly unknown[]): boolean {
    const { values, ack } = splitAck(args);
    const name = requestName(event, values);
    const bytes = sizeOf([event, ...values], name === 'ping');
    const receivedAt = this.clock.monotonic();
    const make = (payload: Readonly<Record<string, unknown>>): IncomingRequest =>
      this.traces.arrived(new IncomingRequest(connection, name, payload, bytes ?? 0, receivedAt, ack, this.#steps));
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
      const request = make({});
      request.fail(this.failures.toWire(error, request.names));
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
    const { mailbox } = connection;
    const served = mailbox.isOpen;
    if (served) this.#checkRate(connection);
    mailbox.put(request);
    if (served || request.answered) return;
    request.held = true;
    this.metrics.add('threadcast_gateway_held_requests_total', {});
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

  /** What one connection may be asked, and then what its user may ask. */
  #checkRate({ rate, principal }: Connection): void {
    if (!rate.tryRemoveTokens(1)) {
      const { rateLimitMessagesPerSec: perSecond } = this.options;
      throw new ThreadcastError('rate_limited', {
        message: `More than ${perSecond} requests a second.`,
        retryAfterMs: Math.ceil(1_000 / perSecond),
      });
    }
    if (principal !== null) this.userRates.take(principal.userId);
  }

  #count(request: IncomingRequest, outcome: RequestOutcome): void {
    this.metrics.add('threadcast_gateway_requests_total', { request: nameOf(request), outcome });
    this.metrics.add('threadcast_gateway_routing_total', { outcome: routed(outcome) });
    this.metrics.observe('threadcast_gateway_request_seconds', this.#age(request));
    this.#release(request);
    this.traces.ended(request, outcome);
  }

  /** It is taken up, or given up. */
  #release(request: IncomingRequest): void {
    if (!request.held) return;
    request.held = false;
    this.metrics.observe('threadcast_gateway_held_seconds', this.#age(request));
  }

  /** In seconds. */
  #age({ receivedAt }: IncomingRequest): number {
    return (this.clock.monotonic() - receivedAt) / 1_000;
  }
}

function nameOf({ type }: IncomingRequest): string {
  return Object.hasOwn(ANSWERS, type) ? type : 'unknown';
}

/**
 * What became of a request on its way: a handler took it, the client was told what was wrong with it, the server could
 * not serve it, or nobody was there any more.
 */
function routed(outcome: RequestOutcome): 'handled' | 'refused' | 'failed' | 'dropped' {
  if (outcome === 'ok') return 'handled';
  if (outcome === 'dropped') return 'dropped';
  return ERRORS[outcome].status < 500 ? 'refused' : 'failed';
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
