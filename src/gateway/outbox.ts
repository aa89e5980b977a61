import type { EventEmitter } from 'node:events';

import type { Socket } from 'socket.io';

import type { Clock } from '../clock/index.js';
import type { ConnectionId, ThreadId } from '../ids/index.js';
import { Sink, type Frames } from '../delivery/index.js';
import type { DetachReason, ServerEvents } from '../protocol/index.js';
import { Slot } from './slot.js';
import type { TcpSockets } from './tcp-sockets.js';

type Transport = Socket['conn'];

/** How thread events are packed: one event per packet, or all that leave together as one event `events`. */
export type FrameMode = 'single' | 'batch';

/** What is unsent beyond this ends the connection: its client sends requests and reads no answers. */
const MAX_UNSENT_BYTES = 16_777_216;

/** Threads of one connection that are read on at the same time. */
const MOST_TURNS = 4;

/** What Engine.IO tells of a packet that it was given. */
interface CreatedPacket {
  readonly data?: unknown;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
}

function sizeOf({ data, options }: CreatedPacket): number {
  const frames = options?.wsPreEncodedFrame;
  if (frames !== undefined) return frames.reduce((sum, { length }) => sum + length, 0);
  return typeof data === 'string' ? data.length : 0;
}

/** A packet to ask a transport with. */
const PRE_ENCODED = { options: { wsPreEncodedFrame: [] } };

/**
 * Whether what is handed over as WebSocket frames is written as it is, as it is for Socket.IO's own broadcasts; the
 * transport, which decides it by a method of its own, is asked. Where it cannot be asked, packets go as texts.
 */
function takesFrames(transport: object): boolean {
  const { _canSendPreEncodedFrame: judge } = transport as { _canSendPreEncodedFrame?: unknown };
  return typeof judge === 'function' && judge.call(transport, PRE_ENCODED) === true;
}

/** Of the connection's transport, and of what carries it at present. */
const outboxes = new Slot<Transport | Transport['transport'], Outbox>();

/** The same listeners for all outboxes: `this` is who tells. */
let onPacketCreate: (this: Transport, packet: CreatedPacket) => void;
let onTransportDrain: (this: Transport['transport']) => void;
let onFlush: (conn: Transport) => void;

/**
 * Everything that goes to one connection, in the order in which it was given, and how much of it has not left.
 *
 * It counts what was handed to the transport and is not flushed: the transport's own buffer has no bound and the
 * kernel's figure shows only its end. Counted are characters of packets, and bytes of those that are handed over as
 * frames. What the transport takes in one flush leaves in one write.
 */
export class Outbox extends Sink {
  #userId = '';
  /** Given to the transport, waiting for it to become writable. */
  #waiting = 0;
  /** Taken by the transport, not yet flushed. */
  #inFlight = 0;
  #handedOver = 0;
  #flushedAt: number | null = null;
  /** Who waits for most of what is unsent to leave, in turn. */
  #turns: (() => void | Promise<void>)[] | null = null;
  #turnsTaken = 0;
  /** Who waits for the next flush to be out. */
  #drains: (() => void)[] | null = null;

  constructor(
    override readonly connectionId: ConnectionId,
    private readonly socket: Socket,
    readonly mode: FrameMode,
    private readonly slowConsumerBytes: number,
    private readonly clock: Clock,
  ) {
    super();
    const { conn } = socket;
    outboxes.set(conn, this);
    conn.on('packetCreate', onPacketCreate);
    if (conn.transport.name !== 'websocket') conn.once('upgrade', () => this.#watchTransport());
    this.#watchTransport();
  }

  static {
    onPacketCreate = function (packet) {
      const outbox = outboxes.get(this);
      if (outbox === undefined) return;
      const size = sizeOf(packet);
      outbox.#waiting += size;
      outbox.#handedOver += size;
    };
    onTransportDrain = function () {
      const outbox = outboxes.get(this);
      if (outbox !== undefined) outbox.#flushed();
    };
    onFlush = (conn) => {
      const outbox = outboxes.get(conn);
      if (outbox === undefined) return;
      outbox.#inFlight += outbox.#waiting;
      outbox.#waiting = 0;
    };
  }

  /**
   * Watches all flushes of an engine, to be called once for each: what is flushed together leaves in one write, and is
   * in flight.
   */
  static watch(engine: EventEmitter, sockets: TcpSockets): void {
    engine.on('flush', (conn: Transport) => {
      onFlush(conn);
      sockets.under(conn)?.cork();
    });
    // Told in the turn of the flush, once the transport has been given everything.
    engine.on('drain', (conn: Transport) => sockets.under(conn)?.uncork());
  }

  override get userId(): string {
    return this.#userId;
  }

  /** Each time the connection is authenticated; always the same user. */
  belongTo(userId: string): void {
    this.#userId = userId;
  }

  /** Given and not flushed. */
  get unsent(): number {
    return this.#waiting + this.#inFlight;
  }

  override get handedOverBytes(): number {
    return this.#handedOver;
  }

  /** Means nothing any more after `release`. */
  override get flushedBytes(): number {
    return this.#handedOver - this.unsent;
  }

  override get flushedAt(): number | null {
    return this.#flushedAt;
  }

  /** So much is unsent that the connection has to end. */
  get overflows(): boolean {
    return this.unsent > MAX_UNSENT_BYTES;
  }

  emit<T extends keyof ServerEvents>(event: T, data: ServerEvents[T]): void {
    this.socket.emit(event, data);
  }

  override deliver(frames: Frames): void {
    if (!this.socket.connected) return;
    const { conn } = this.socket;
    const packets = this.mode === 'batch' ? frames.batch : frames.singles;
    if (takesFrames(conn.transport)) {
      const asFrames = { compress: false, wsPreEncodedFrame: [packets.frames] };
      conn.write(undefined, asFrames);
    } else {
      for (const text of packets.texts) conn.write(text, { compress: false });
    }
  }

  override caughtUp(threadId: ThreadId, head: number): void {
    this.emit('thread_caught_up', { threadId, head });
  }

  override detached(threadId: ThreadId, reason: DetachReason): void {
    this.emit('thread_detached', { threadId, reason });
  }

  override hasRoomFor(bytes: number): boolean {
    return this.unsent + bytes <= this.slowConsumerBytes;
  }

  override whenDrained(resume: () => void | Promise<void>): void {
    (this.#turns ??= []).push(resume);
    void this.#takeTurns();
  }

  /** Resolves when most of what was unsent has left; at once on a connection that has ended. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.whenDrained(resolve));
  }

  /** Resolves when the transport has closed. */
  get ended(): Promise<void> {
    const { conn } = this.socket;
    if (conn.readyState === 'closed') return Promise.resolve();
    return new Promise((resolve) => conn.once('close', () => resolve()));
  }

  /** Resolves when all has been flushed, or the connection has ended. */
  flushed(): Promise<void> {
    if (this.unsent === 0 || this.socket.conn.readyState === 'closed') return Promise.resolve();
    return this.drained().then(() => this.#nextFlush());
  }

  /** The connection has ended: nobody needs to wait for it any longer. */
  release(): void {
    this.#waiting = 0;
    this.#inFlight = 0;
    this.#drained();
  }

  async #nextFlush(): Promise<void> {
    while (this.unsent > 0 && this.socket.conn.readyState !== 'closed') {
      await new Promise<void>((resolve) => (this.#drains ??= []).push(resolve));
    }
  }

  /** A transport takes one flush at a time and says when it is out; after an upgrade the new one starts afresh. */
  #watchTransport(): void {
    const { transport } = this.socket.conn;
    this.#inFlight = 0;
    outboxes.set(transport, this);
    transport.on('drain', onTransportDrain);
    this.#drained();
  }

  #flushed(): void {
    if (this.#inFlight > 0) this.#flushedAt = this.clock.now();
    this.#inFlight = 0;
    this.#drained();
  }

  #isDrained(): boolean {
    return this.unsent <= this.slowConsumerBytes / 2;
  }

  #drained(): void {
    for (const resolve of this.#drains?.splice(0) ?? []) resolve();
    if (this.#turns !== null) void this.#takeTurns();
  }

  /**
   * A few at a time, each only while there is room: of a hundred threads that wait to be read on, all woken at once
   * would hand over a hundred pages. More than one, so that a read that hangs holds up no other thread.
   */
  async #takeTurns(): Promise<void> {
    if (this.#turnsTaken >= MOST_TURNS) return;
    this.#turnsTaken += 1;
    for (let next = this.#nextTurn(); next !== undefined; next = this.#nextTurn()) await next();
    this.#turnsTaken -= 1;
  }

  #nextTurn(): (() => void | Promise<void>) | undefined {
    return this.#isDrained() ? this.#turns?.shift() : undefined;
  }
}
