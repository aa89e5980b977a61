/**
 * Loaded before `src/main.ts` by tests of faults: the process is the real one, with places in it where it dies, waits
 * or is refused. Orders come from the parent, or before everything else in FAULTS.
 */
import { writeSync } from 'node:fs';

import { RunRecovery } from '../../src/agents/run-recovery.js';
import { ThreadcastError } from '../../src/errors/index.js';
import { TERMINAL_EVENT_TYPES } from '../../src/protocol/index.js';
import type { Transaction } from '../../src/storage/index.js';
import { SqliteEventLog } from '../../src/storage/sqlite/sqlite-event-log.js';
import { SqliteRunStore } from '../../src/storage/sqlite/sqlite-run-store.js';
import { SqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js';
import { CommitFeed } from '../../src/threads/index.js';

/** Where in the way of a commit the process dies. */
export type KillPoint = 'before the commit' | 'inside the commit' | 'before the delivery' | 'before the answer';

type CommitKind = 'message' | 'end';

const TYPES: Readonly<Record<CommitKind, readonly string[]>> = {
  message: ['message_created'],
  end: TERMINAL_EVENT_TYPES,
};

/** Defects put in on purpose, to see that they are found. */
export type Defect = 'visible before durable' | 'no recovery' | 'forgets requests' | 'tells it differently';

export type Order =
  /** Dies at the n-th pass from now on; `of`: only commits with a message, or with the end of a run, are counted. */
  | { readonly do: 'die'; readonly at: KillPoint; readonly pass: number; readonly of?: CommitKind }
  | { readonly do: 'refuse writes'; readonly refuse: boolean }
  /** Startup tasks do not get past the storage until told. */
  | { readonly do: 'hold the start'; readonly hold: boolean }
  | { readonly do: 'break'; readonly defect: Defect };

const storageRefuses = (): ThreadcastError => new ThreadcastError('storage_unavailable', { retryAfterMs: 100 });

let trap: { readonly at: KillPoint; left: number; readonly of: CommitKind | undefined } | null = null;
let refusing = false;
let early = false;
let held: Promise<void> | null = null;
let release = (): void => undefined;

function take(order: Order): void {
  if (order.do === 'die') trap = { at: order.at, left: order.pass, of: order.of };
  else if (order.do === 'refuse writes') refusing = order.refuse;
  else if (order.do === 'break') breakIt(order.defect);
  else if (order.hold) held = new Promise((resolve) => (release = resolve));
  else release();
}

function pass(at: KillPoint, types: ReadonlySet<string>): void {
  if (trap?.at !== at || (trap.of !== undefined && !TYPES[trap.of].some((type) => types.has(type)))) return;
  trap.left -= 1;
  if (trap.left > 0) return;
  writeSync(1, `died ${at}\n`);
  process.kill(process.pid, 'SIGKILL');
}

const { transact, check, open } = SqliteStorage.prototype;
let lastCommit: Promise<unknown> = Promise.resolve();

SqliteStorage.prototype.transact = async function <T>(
  this: SqliteStorage,
  batchId: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  if (refusing) throw storageRefuses();
  const types = new Set<string>();
  if (trap?.of === undefined) pass('before the commit', types);
  await lastCommit;
  const result = await new Promise<T>((resolve, reject) => {
    const written = async (tx: Transaction): Promise<T> => {
      const value = await work({ ...tx, events: watched(tx.events, types) });
      if (early) {
        resolve(value);
        await new Promise<void>((done) => setImmediate(done));
      }
      pass('inside the commit', types);
      return value;
    };
    const commit = transact.call(this, batchId, written) as Promise<T>;
    lastCommit = commit.then(resolve, reject);
  });
  pass('before the delivery', types);
  return result;
};

SqliteStorage.prototype.check = async function (this: SqliteStorage): Promise<void> {
  if (refusing) throw storageRefuses();
  await check.call(this);
};

SqliteStorage.prototype.open = async function (this: SqliteStorage): Promise<void> {
  await open.call(this);
  if (held === null) return;
  writeSync(1, 'held\n');
  await held;
};

const { publishCommitted } = CommitFeed.prototype;
CommitFeed.prototype.publishCommitted = function (this: CommitFeed, threadId, events, ...rest): void {
  publishCommitted.call(this, threadId, events, ...rest);
  pass('before the answer', new Set(events.map(({ type }) => type)));
};

function watched(log: Transaction['events'], types: Set<string>): Transaction['events'] {
  return {
    read: (...args) => log.read(...args),
    readBefore: (...args) => log.readBefore(...args),
    head: (...args) => log.head(...args),
    heads: (...args) => log.heads(...args),
    append: (appends) => {
      for (const { events } of appends) for (const { type } of events) types.add(type);
      return log.append(appends);
    },
  };
}

function breakIt(defect: Defect): void {
  if (defect === 'visible before durable') early = true;
  else if (defect === 'no recovery') RunRecovery.prototype.run = () => Promise.resolve();
  else if (defect === 'forgets requests') {
    SqliteRunStore.prototype.findRequest = () => Promise.resolve(null);
    SqliteRunStore.prototype.recordRequest = () => Promise.resolve();
  } else {
    const { read } = SqliteEventLog.prototype;
    SqliteEventLog.prototype.read = async function (this: SqliteEventLog, ...args) {
      return (await read.apply(this, args)).map((event) => ({ ...event, time: event.time + 1 }));
    };
  }
}

for (const order of JSON.parse(process.env['FAULTS'] ?? '[]') as Order[]) take(order);
process.on('message', (order: Order) => {
  take(order);
  process.send?.('taken');
});
// The parent may go on listening for ever; that must not keep this process alive.
process.channel?.unref();
