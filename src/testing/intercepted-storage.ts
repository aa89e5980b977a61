import { Storage, type Transaction } from '../storage/index.js';

/** Stands before or behind a call: may wait, and may throw in its place. */
export type Intercept = (args: readonly unknown[]) => Promise<void>;

/** The calls that can be stopped: `transact` and the readers, by name (`threads.access`, `events.read`). */
export type StorageCall =
  'transact' | 'wasCommitted' | `${'events' | 'threads' | 'runs' | 'notifications' | 'leases'}.${string}`;

/** A call that a test holds. */
export interface HeldCall {
  /** Resolves when somebody has come to it. */
  readonly reached: Promise<void>;
  /** Lets it go on. */
  readonly release: () => void;
}

/**
 * A real storage whose calls a test can stop, before they are made or behind them, and let go on or fail. With
 * nothing set it is the storage itself.
 */
export class InterceptedStorage extends Storage {
  readonly #before = new Map<string, Intercept>();
  readonly #after = new Map<string, Intercept>();
  override readonly events: Storage['events'];
  override readonly threads: Storage['threads'];
  override readonly runs: Storage['runs'];
  override readonly notifications: Storage['notifications'];
  override readonly leases: Storage['leases'];

  constructor(private readonly inner: Storage) {
    super();
    this.events = this.#watched('events', inner.events);
    this.threads = this.#watched('threads', inner.threads);
    this.runs = this.#watched('runs', inner.runs);
    this.notifications = this.#watched('notifications', inner.notifications);
    this.leases = inner.leases === null ? null : this.#watched('leases', inner.leases);
  }

  /** From now on `intercept` stands before this call; null takes it away. */
  before(call: StorageCall, intercept: Intercept | null): void {
    put(this.#before, call, intercept);
  }

  /** As `before`, behind the call: what it does is done, and nobody has heard of it. */
  after(call: StorageCall, intercept: Intercept | null): void {
    put(this.#after, call, intercept);
  }

  /** Holds the next call of this name. */
  holdNext(call: StorageCall, where: 'before' | 'after' = 'before'): HeldCall {
    let release!: () => void;
    let reach!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const reached = new Promise<void>((resolve) => (reach = resolve));
    this[where](call, async () => {
      this[where](call, null);
      reach();
      await released;
    });
    return { reached, release };
  }

  override open(): Promise<void> {
    return this.inner.open();
  }

  override close(): Promise<void> {
    return this.inner.close();
  }

  override transact<T>(batchId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#between('transact', [batchId], () => this.inner.transact(batchId, work));
  }

  override wasCommitted(batchId: string): Promise<boolean> {
    return this.#between('wasCommitted', [batchId], () => this.inner.wasCommitted(batchId));
  }

  override check(): Promise<void> {
    return this.inner.check();
  }

  override describe(): string {
    return this.inner.describe();
  }

  #watched<T extends object>(room: string, reader: T): T {
    return new Proxy(reader, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key, target);
        if (typeof member !== 'function') return member;
        const call = (...args: unknown[]): Promise<unknown> => member.apply(target, args) as Promise<unknown>;
        return (...args: unknown[]) => this.#between(`${room}.${String(key)}`, args, () => call(...args));
      },
    });
  }

  async #between<T>(call: string, args: readonly unknown[], make: () => Promise<T>): Promise<T> {
    await this.#before.get(call)?.(args);
    const result = await make();
    await this.#after.get(call)?.(args);
    return result;
  }
}

function put(map: Map<string, Intercept>, call: string, intercept: Intercept | null): void {
  if (intercept === null) map.delete(call);
  else map.set(call, intercept);
}
