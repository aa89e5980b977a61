import type { ServerOptions } from 'socket.io';

/**
 * How Socket.IO's own calls reach the other nodes. They are for closing connections, and for what an application calls by
 * itself: events of threads never go this way, they come from the log.
 *
 * What goes this way may be lost at any time, and nothing waits for it but the call itself.
 */
export abstract class ClusterSockets {
  /** Makes the adapter of a namespace, for Socket.IO's server. Null: this node is alone, and Socket.IO needs none. */
  abstract readonly adapter: Exclude<ServerOptions['adapter'], undefined> | null;

  /** Whether calls reach anybody at present; true for a node that is alone. */
  abstract readonly isJoined: boolean;

  /** Begins to join, and goes on trying until `close`. Resolves once the first attempt has succeeded or failed. */
  abstract join(): Promise<void>;

  /** To be called after Socket.IO's server has closed. Closing twice does nothing. */
  abstract close(): Promise<void>;
}

/** This node is alone. */
export class OwnSockets extends ClusterSockets {
  override readonly adapter = null;
  override readonly isJoined = true;

  override join(): Promise<void> {
    return Promise.resolve();
  }

  override close(): Promise<void> {
    return Promise.resolve();
  }
}
