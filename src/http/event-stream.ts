import type { Response } from 'express';

import type { Clock, Timer } from '../clock/index.js';
import { Sink, type Frames } from '../delivery/index.js';
import type { ThreadId } from '../ids/index.js';
import type { DetachReason } from '../protocol/index.js';

const HEARTBEAT_MS = 15_000;

/** A client that has taken nothing of what is unsent for so long is not there any more. */
const UNREAD_MS = 45_000;

/** How long a client may take to read the rest of a stream that has ended. */
const LAST_READ_MS = 5_000;

/**
 * One answer as a stream of server-sent events: `data` is the envelope, `id` is `epoch:seq`, everything else is a
 * comment. It counts what was handed over and has not left the process.
 */
export class EventStream extends Sink {
  #epoch: string | null = null;
  #unsentBytes = 0;
  #handedOver = 0;
  #flushed = 0;
  #flushedAt: number | null = null;
  /** When something has left, or when all had: monotonic ms. */
  #movedAt = 0;
  #waiting: (() => void)[] = [];
  #heartbeat: Timer | null = null;
  #onOver: (() => void) | null = null;
  #ended = false;

  constructor(
    override readonly connectionId: string,
    override readonly userId: string,
    private readonly res: Response,
    private readonly clock: Clock,
    private readonly slowConsumerBytes: number,
  ) {
    super();
  }

  override get handedOverBytes(): number {
    return this.#handedOver;
  }

  override get flushedBytes(): number {
    return this.#flushed;
  }

  override get flushedAt(): number | null {
    return this.#flushedAt;
  }

  /**
   * Begins the answer. Before this nothing may be handed over, and the request may still be refused. `onOver` is
   * called once, when nothing more is sent: it was ended here, or the client is gone.
   */
  open(epoch: string, onOver: () => void): void {
    this.#epoch = epoch;
    this.#onOver = onOver;
    this.res.once('close', () => this.#over());
    // Writing to a client that has just gone is no failure of anybody's.
    this.res.on('error', () => this.#over());
    this.res.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    this.res.flushHeaders();
    this.#heartbeat = this.clock.every(HEARTBEAT_MS, () => {
      // A client that does not even take events gets no comments on top.
      if (this.#unsentBytes === 0) this.#comment('here');
      else if (this.#isUnread()) this.#endIfStillUnread();
    });
  }

  override deliver(frames: Frames): void {
    this.#write(frames.all.map((frame) => `data: ${frame.json}\nid: ${this.#epoch ?? ''}:${frame.seq}\n\n`).join(''));
  }

  override caughtUp(_threadId: ThreadId, head: number): void {
    this.#comment(`caught up ${head}`);
  }

  override detached(_threadId: ThreadId, reason: DetachReason): void {
    this.end(`detached ${reason}`);
  }

  override hasRoomFor(bytes: number): boolean {
    return this.#unsentBytes + bytes <= this.slowConsumerBytes;
  }

  override whenDrained(resume: () => void): void {
    if (this.#hasDrained()) resume();
    else this.#waiting.push(resume);
  }

  /** Ends the answer with a last comment; a client that does not read it in time is cut off. */
  end(why: string): void {
    if (this.#ended) return;
    this.#comment(why);
    this.#over();
    const cut = this.clock.after(LAST_READ_MS, () => this.res.destroy());
    this.res.once('close', () => cut.cancel());
    this.res.end();
  }

  #isUnread(): boolean {
    return this.#unsentBytes > 0 && this.clock.monotonic() - this.#movedAt >= UNREAD_MS;
  }

  /** Not in this turn: a process that was held up itself has yet to hear of what has left meanwhile. */
  #endIfStillUnread(): void {
    this.clock.soon(() => {
      if (this.#isUnread()) this.end('not read');
    });
  }

  #over(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#waiting = [];
    this.#heartbeat?.cancel();
    this.#onOver?.();
  }

  #comment(text: string): void {
    this.#write(`: ${text}\n\n`);
  }

  #write(text: string): void {
    if (this.#ended) return;
    const bytes = Buffer.byteLength(text);
    if (this.#unsentBytes === 0) this.#movedAt = this.clock.monotonic();
    this.#unsentBytes += bytes;
    this.#handedOver += bytes;
    this.res.write(text, (error) => {
      this.#unsentBytes -= bytes;
      if (error === null || error === undefined) this.#left(bytes);
      this.#movedAt = this.clock.monotonic();
      if (this.#hasDrained()) for (const resume of this.#waiting.splice(0)) resume();
    });
  }

  #left(bytes: number): void {
    this.#flushed += bytes;
    this.#flushedAt = this.clock.now();
  }

  #hasDrained(): boolean {
    return this.#unsentBytes <= this.slowConsumerBytes / 2;
  }
}
