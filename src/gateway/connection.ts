import type { Socket } from 'socket.io';

import type { Timer } from '../clock/index.js';
import type { Follower, LiveConnection } from '../delivery/index.js';
import type { ConnectionId } from '../ids/index.js';
import type { LineFields } from '../logs/index.js';
import type { Principal, TokenBucket } from '../identity/index.js';
import { Attempts } from './attempts.js';
import { mayBecome, type ConnectionState } from './connection-machine.js';
import type { FirstThreadNamed } from './handshake.js';
import type { Letter, Mailbox } from './mailbox.js';
import type { Outbox } from './outbox.js';

export interface ConnectionParts {
  readonly connectionId: ConnectionId;
  readonly socket: Socket;
  readonly outbox: Outbox;
  readonly follower: Follower;
  readonly mailbox: Mailbox;
  /** Makes its bucket, when it is first asked something. */
  readonly rate: () => TokenBucket;
  readonly first: FirstThreadNamed | null;
  /** Unix ms. */
  readonly acceptedAt: number;
  /** The same moment on the monotonic clock: for durations. */
  readonly openedAt: number;
}

const GONE = new Error('the connection has closed');

/**
 * One Socket.IO socket: its state, its user once known, and its parts. The socket's own life is the truth about
 * it; nothing here expires.
 */
export class Connection implements LiveConnection {
  readonly connectionId: ConnectionId;
  readonly socket: Socket;
  readonly outbox: Outbox;
  readonly follower: Follower;
  readonly mailbox: Mailbox;
  readonly acceptedAt: number;
  readonly openedAt: number;
  /** What the handshake says of a first thread; null: nothing. */
  readonly first: FirstThreadNamed | null;
  /** Requests that were refused one after the other, with answers to them that have not left. */
  refusedInARow = 0;
  /** It has had an active thread. */
  associated = false;
  readonly #makeRate: () => TokenBucket;
  // Most connections do nothing most of the time: what is for their requests is made when it is first needed.
  #rate: TokenBucket | null = null;
  #attempts: Attempts | null = null;
  #inHand: Set<Letter> | null = null;
  #gone: AbortController | null = null;
  #state: ConnectionState = 'accepted';
  #authenticatedAt: number | null = null;
  #readyAt: number | null = null;
  #principal: Principal | null = null;
  #deadline: Timer | null = null;

  constructor(parts: ConnectionParts) {
    this.connectionId = parts.connectionId;
    this.socket = parts.socket;
    this.outbox = parts.outbox;
    this.follower = parts.follower;
    this.mailbox = parts.mailbox;
    this.#makeRate = parts.rate;
    this.acceptedAt = parts.acceptedAt;
    this.openedAt = parts.openedAt;
    this.first = parts.first;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Aborted when the connection closes. */
  get gone(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.isClosed) this.#gone.abort(GONE);
    return this.#gone.signal;
  }

  /** How fast it may ask. */
  get rate(): TokenBucket {
    return (this.#rate ??= this.#makeRate());
  }

  /** To authenticate. */
  get attempts(): Attempts {
    return (this.#attempts ??= new Attempts());
  }

  /** Requests that are being processed. */
  get inHand(): Set<Letter> {
    return (this.#inHand ??= new Set());
  }

  /** Null until authenticated; kept after the close, for the requests that are still processed. */
  get principal(): Principal | null {
    return this.#principal;
  }

  get userId(): string | null {
    return this.#principal?.userId ?? null;
  }

  /** What lines of the log say of it. */
  get names(): LineFields {
    return { connectionId: this.connectionId, userId: this.#principal?.userId };
  }

  /** The user is known, or its token renewed. */
  become(principal: Principal): void {
    this.#principal = principal;
    this.outbox.belongTo(principal.userId);
  }

  /** Unix ms; null: it has not been in that state. */
  enteredAt(state: 'authenticated' | 'ready'): number | null {
    return state === 'ready' ? this.#readyAt : this.#authenticatedAt;
  }

  /** `now`: Unix ms. False: the state machine has no such step, and nothing has changed. */
  enter(next: ConnectionState, now: number): boolean {
    if (!mayBecome(this.#state, next)) return false;
    this.#state = next;
    if (next === 'authenticated') this.#authenticatedAt = now;
    if (next === 'ready') this.#readyAt = now;
    if (next === 'closed') {
      this.#deadline?.cancel();
      this.#gone?.abort(GONE);
    }
    return true;
  }

  /** The one timer of a connection: for authentication first, for the token's end later. */
  setDeadline(timer: Timer | null): void {
    this.#deadline?.cancel();
    this.#deadline = timer;
  }
}
