import type { Notice } from '../../storage/index.js';

/** How an event was brought to its user's connections. `nobody`: there is none. */
export type ReachWay = 'followed' | 'told' | 'nobody';

/**
 * `received`: one of the connections has shown that it came to it. `gone`: the last of them has left without that.
 * `unfollowed`: the last of them has left the thread without that, and is still there.
 */
export type Receipt = 'received' | 'gone' | 'unfollowed';

export interface Reach {
  readonly way: ReachWay;
  /** Never rejects. For `nobody` it is `gone` at once. Null: it was not to be watched. */
  readonly receipt: Promise<Receipt> | null;
  /** For `nobody`, how long ago the last connection left, in ms. Null: one is there, or it is not known any more. */
  readonly goneForMs: number | null;
}

/**
 * Where users are: which connections they have, and which of these follow which thread. A user is where a connection
 * is that has become ready and has not closed; readers over HTTP are not known here.
 */
export abstract class Presence {
  /**
   * Brings an event to its user, as far as the user is there now. Where a connection of the user follows the thread,
   * the event comes to it by that, and nobody is told anything here. Otherwise all connections of the user are told
   * `thread_activity`, in order with what else goes to them; one that takes no more at the moment is passed over.
   *
   * What comes to a connection is shown by the heartbeat of its transport: a connection that answers one that was
   * sent behind the event, has received the event.
   *
   * The caller has made sure that the user may read the thread. `watch`: false where nobody waits for the receipt.
   */
  abstract reach(notice: Notice, watch: boolean): Promise<Reach>;

  /** Those of these users who have a connection now. */
  abstract here(userIds: ReadonlySet<string>): Promise<ReadonlySet<string>>;
}
