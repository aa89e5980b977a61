import type { ThreadId } from '../ids/index.js';
import type { EventLog, EventLogReader } from './event-log.js';
import type { NodeLeases } from './node-leases.js';
import type { NotificationStore, NotificationStoreReader } from './notification-store.js';
import type { RunStore, RunStoreReader } from './run-store.js';
import type { ThreadStore, ThreadStoreReader } from './thread-store.js';

/** What other transactions hold for longer than a moment. */
export interface HeldElsewhere {
  readonly threadIds: ReadonlySet<ThreadId>;
  readonly userIds: ReadonlySet<string>;
}

/** The stores inside one transaction: they see its own writes, nobody else does before the commit. */
export interface Transaction {
  readonly events: EventLog;
  readonly threads: ThreadStore;
  readonly runs: RunStore;
  readonly notifications: NotificationStore;

  /**
   * Holds these threads against every other transaction until the end, and these users against every other one that names
   * them: for what is counted per user. Called once, first, with all of them. Resolves with those that it has not got because
   * another transaction keeps them for longer than a moment: this one leaves them alone.
   */
  lock(threadIds: readonly ThreadId[], userIds?: readonly string[]): Promise<HeldElsewhere>;

  /** Runs a part that fails alone: when it rejects, what it wrote is undone and the transaction goes on. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * A place where threads, events, runs and notices are kept.
 *
 * Readers see committed data only. A transaction is all or nothing and durable once `transact` has
 * resolved: it survives `kill -9` of the process. Transactions of one instance are not concurrent: the caller
 * waits for one before the next.
 *
 * An engine whose server or disk does not answer rejects with `storage_unavailable`; anything else that it
 * throws is a defect.
 */
export abstract class Storage {
  abstract readonly events: EventLogReader;
  abstract readonly threads: ThreadStoreReader;
  abstract readonly runs: RunStoreReader;
  abstract readonly notifications: NotificationStoreReader;

  /** Null: this storage is one process's. */
  abstract readonly leases: NodeLeases | null;

  /** Opens, locks and migrates. Rejects with the reason in words. Called once, before anything else. */
  abstract open(): Promise<void>;

  /** After this nothing is taken; what was committed stays. Closing twice does nothing. */
  abstract close(): Promise<void>;

  /**
   * One transaction. `work` is called again where the engine has to begin anew because another process was in its way;
   * nothing of the time before is left then. Where it rejects, the commit may still have happened (a connection lost around COMMIT):
   * `wasCommitted(batchId)` tells.
   */
  abstract transact<T>(batchId: string, work: (tx: Transaction) => Promise<T>): Promise<T>;

  /** Whether the last transaction of this instance that was given `batchId` is durable. */
  abstract wasCommitted(batchId: string): Promise<boolean>;

  /** Resolves when storage answers. Rejects with `storage_unavailable`. */
  abstract check(): Promise<void>;

  /** Where the data lies, in words for a person; without credentials. */
  abstract describe(): string;
}
