import type { Notice } from '../../storage/index.js';
import type { Receipt } from './presence.js';
import type { PresentConnection } from './present-connection.js';

/** `asked`: a heartbeat was sent behind the event. `elsewhere`: it has left the thread before that. */
type Waiting = 'unasked' | 'asked' | 'elsewhere';

/**
 * Waits until one of some connections shows that an event came to it, or the last one has gone. Heartbeats are
 * answered in the order of what is sent: an answer to one that was sent behind the event shows it; an answer to an
 * earlier one, which may be on its way, shows nothing.
 */
export class ReceiptWatch {
  readonly receipt: Promise<Receipt>;
  readonly #connections = new Map<PresentConnection, Waiting>();
  #resolve!: (receipt: Receipt) => void;

  constructor(
    private readonly notice: Notice,
    private readonly way: 'followed' | 'told',
    connections: readonly PresentConnection[],
    /** This connection is watched no more. */
    private readonly onRelease: (connection: PresentConnection) => void,
  ) {
    this.receipt = new Promise((resolve) => (this.#resolve = resolve));
    for (const connection of connections) this.#connections.set(connection, 'unasked');
  }

  heartbeatSent(connection: PresentConnection): void {
    if (this.#connections.get(connection) !== 'unasked') return;
    const { threadId, seq } = this.notice;
    const position = this.way === 'told' ? seq : connection.positionIn(threadId);
    if (position !== null && position < seq) return;
    this.#connections.set(connection, position === null ? 'elsewhere' : 'asked');
    this.#endIfVain();
  }

  heartbeatAnswered(connection: PresentConnection): void {
    if (this.#connections.get(connection) === 'asked') this.#end('received');
  }

  left(connection: PresentConnection): void {
    this.#release(connection);
    this.#endIfVain();
  }

  /** Nobody is left who could receive it. */
  #endIfVain(): void {
    const states = [...this.#connections.values()];
    if (states.every((state) => state === 'elsewhere')) this.#end(states.length === 0 ? 'gone' : 'unfollowed');
  }

  #end(receipt: Receipt): void {
    this.#resolve(receipt);
    for (const connection of [...this.#connections.keys()]) this.#release(connection);
  }

  #release(connection: PresentConnection): void {
    this.#connections.delete(connection);
    this.onRelease(connection);
  }
}
