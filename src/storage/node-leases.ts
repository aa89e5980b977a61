import type { ThreadId } from '../ids/index.js';
import type { RunPlace } from './records.js';

/** Which of the queued runs that are nobody's are meant. */
export type WaitingRuns =
  | { readonly threadId: ThreadId }
  | { readonly userId: string }
  /** Of all threads, behind this one in the order in which runs were made. */
  | { readonly after: number };

export interface ReadyRuns {
  /** In the order in which they were made. */
  readonly runs: readonly RunPlace[];
  /** For `after`: where the next page begins. Null: there is no further page. */
  readonly next: number | null;
}

/** A node whose lease is over, and which has runs that have not ended. */
export interface LapsedNode {
  readonly node: string;
  /** It has said so itself: nobody has to wait for it to come back. */
  readonly released: boolean;
}

/**
 * Which nodes of a cluster live, by the clock of the storage, and which runs are theirs. A run's `node` has it as long as
 * the node's lease lasts; one lease for all runs of a node, so that keeping them costs the same however many they are.
 *
 * It decides nothing: whoever takes a run over does so in a transaction on the run's thread, and the attempt fences whoever
 * had it before. What is read and written here is committed at once, beside the transactions.
 */
export abstract class NodeLeases {
  /**
   * The node lives, for so long from now on by the clock of the storage. False: it has released its lease and does not get
   * it back. Settles within seconds, and a try that is not answered keeps no other one waiting.
   */
  abstract renew(node: string, leaseMs: number): Promise<boolean>;

  /** Removes nodes that have been gone for long and have no runs. */
  abstract forget(): Promise<void>;

  /** The lease is over at once, and its runs are for whoever takes them. */
  abstract release(node: string): Promise<void>;

  /** Nodes whose lease is over, as far as they have unfinished runs. Empty: nothing is to be taken over. */
  abstract lapsed(): Promise<readonly LapsedNode[]>;

  /**
   * Runs of this node that have not ended, in the order in which they were made. Null: those under way that are nobody's,
   * as a process without a cluster leaves them.
   */
  abstract held(node: string | null, limit: number): Promise<readonly RunPlace[]>;

  /** How many queued runs are nobody's; `atMost`: counted so far. */
  abstract waiting(atMost: number): Promise<number>;

  /**
   * Queued runs that are nobody's and could begin now: first on their thread with nobody under way there, or `parallel`, and
   * of a user with fewer than `maxPerUser` under way. A hint: at the moment that counts, each is judged again. At most
   * `limit` waiting runs are looked at.
   */
  abstract ready(waiting: WaitingRuns, maxPerUser: number, limit: number): Promise<ReadyRuns>;
}
