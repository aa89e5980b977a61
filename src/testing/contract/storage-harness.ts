import type { RunId, ThreadId } from '../../ids/index.js';
import type { NewEvent, NewThread, RunRecord, Storage, StoredEvent, Transaction } from '../../storage/index.js';

/** What an engine gives to the contract suites. */
export interface StorageHarness {
  /** A new, empty storage, opened. */
  open(): Promise<Storage>;

  /** Closes the storage and opens one on the same data. */
  reopen(storage: Storage): Promise<Storage>;

  /** Closes what was opened and removes its data. Called after each test. */
  destroy(): Promise<void>;
}

export const ALICE = 'alice';
export const BOB = 'bob';
export const CAROL = 'carol';

/** JSON texts that a JSON column, a number type or a careless encoder would change. */
export const HOSTILE_DATA: readonly string[] = [
  '{"text":"\\u0000 and \\u0001"}',
  '{"text":"\\ud800 alone, \\udfff alone"}',
  '{"n":12345678901234567890.123456789012345678901,"e":1E+400,"z":-0,"f":1.0}',
  '{"b":1,"a":2,"10":3,"9":4,"b":5}',
  '{ "spaces" : [ 1 ,\t2 ] }\n',
  '{"text":"\\u00e9 é e\u0301 \u{1F600} \u2028\u2029 \uFEFF"}',
  `{"text":"it's \\"quoted\\" \\\\ -- ; drop table events; %s ? $1 :a"}`,
  '{"__proto__":{"x":1},"constructor":null}',
  '{}',
  `{"text":"${'x'.repeat(300_000)}"}`,
];

let batches = 0;

/** One transaction under a batch id of its own. */
export function write<T>(storage: Storage, work: (tx: Transaction) => Promise<T>): Promise<T> {
  batches += 1;
  return storage.transact(`batch-${batches}`, work);
}

export function threadId(key: string): ThreadId {
  return `thread_${key}` as ThreadId;
}

export function runId(thread: ThreadId, n: number): RunId {
  return `${thread}_run_1756919162904_${n.toString(16).padStart(8, '0')}` as RunId;
}

export function newThread(id: ThreadId, changes: Partial<NewThread> = {}): NewThread {
  return {
    threadId: id,
    epoch: `epoch of ${id}`,
    ownerId: ALICE,
    title: null,
    metadata: {},
    createdAt: 1_000,
    ...changes,
  };
}

export function newEvent(text: string, changes: Partial<NewEvent> = {}): NewEvent {
  const data = JSON.stringify({ name: 'said', value: text });
  return { type: 'custom', runId: null, agent: null, time: 2_000, data, ...changes };
}

export function newEvents(count: number, prefix = 'event'): NewEvent[] {
  return Array.from({ length: count }, (_, i) => newEvent(`${prefix} ${i + 1}`));
}

export function newRun(thread: ThreadId, n: number, changes: Partial<RunRecord> = {}): RunRecord {
  return {
    runId: runId(thread, n),
    threadId: thread,
    agent: 'echo',
    userId: ALICE,
    status: 'queued',
    attempt: 0,
    policy: 'queue',
    external: false,
    position: n,
    input: { text: `input ${n}` },
    messageId: null,
    associated: true,
    associationMs: 0,
    inputs: [],
    createdAt: 3_000 + n,
    startedAt: null,
    endedAt: null,
    endReason: null,
    orphaned: false,
    node: null,
    ...changes,
  };
}

/** Makes threads of ALICE, each in a transaction of its own. */
export async function makeThreads(storage: Storage, ...keys: string[]): Promise<ThreadId[]> {
  const ids = keys.map(threadId);
  for (const id of ids) await write(storage, (tx) => tx.threads.create(newThread(id)));
  return ids;
}

export async function makeThread(storage: Storage, key: string): Promise<ThreadId> {
  await makeThreads(storage, key);
  return threadId(key);
}

export function append(storage: Storage, id: ThreadId, events: readonly NewEvent[]) {
  return write(storage, (tx) => tx.events.append([{ threadId: id, events }]));
}

/** The whole log. */
export function readAll(storage: Pick<Storage, 'events'>, id: ThreadId): Promise<readonly StoredEvent[]> {
  return storage.events.read(id, { after: 0, limit: 100_000 });
}

export function seqs(events: readonly StoredEvent[]): number[] {
  return events.map((event) => event.seq);
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** A moment that a test holds back: `reached` once something waits at it, until `release`. */
export class Hold {
  readonly reached: Promise<void>;
  readonly #released: Promise<void>;
  #reach: () => void = () => undefined;
  #release: () => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => (this.#reach = resolve));
    this.#released = new Promise((resolve) => (this.#release = resolve));
  }

  wait(): Promise<void> {
    this.#reach();
    return this.#released;
  }

  release(): void {
    this.#release();
  }
}
