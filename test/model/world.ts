import { IdGenerator, parseThreadId, type ThreadId } from '../../src/ids/index.js';
import type { EventEnvelope } from '../../src/protocol/index.js';
import { TestServer } from '../../src/testing/index.js';
import type { StoredEvent } from '../../src/storage/index.js';
import { AppendPipeline, CommitFeed, EventFactory, History, ThreadsService } from '../../src/threads/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { Observer } from './observer.js';

const USERS = ['alice', 'bob'] as const;
export const THREADS = 4;
export const CLIENTS = 5;

/** A server, its threads (all shared by all users), and clients that come and go. */
export class World {
  readonly #observers: (Observer | null)[] = Array.from({ length: CLIENTS }, () => null);
  readonly #gone: Observer[] = [];
  readonly threadIds: ThreadId[] = [];
  #appends: Promise<unknown>[] = [];
  readonly #runsUnderWay = new Set<string>();
  #onQuiet: (() => void) | null = null;
  #deltas = 0;

  private constructor(
    private server: TestServer,
    private readonly dirs: TempDirs,
    private readonly dataDir: string,
  ) {}

  static async make(): Promise<World> {
    const dirs = new TempDirs();
    const dataDir = await dirs.make();
    const world = new World(await startServer(dataDir), dirs, dataDir);
    world.#watch();
    for (let index = 0; index < THREADS; index += 1) {
      const { threadId } = await world.server.get(ThreadsService).create(USERS[0], {});
      await world.server.get(ThreadsService).share(USERS[0], threadId, USERS[1]);
      world.threadIds.push(threadId);
    }
    return world;
  }

  async end(): Promise<void> {
    for (const index of this.#observers.keys()) this.drop(index);
    await this.settle();
    await this.server.close();
    await this.dirs.remove();
  }

  thread(index: number): ThreadId {
    return parseThreadId(this.threadIds[index % THREADS]);
  }

  /** Frames that all clients have seen. */
  get seen(): number {
    const all = [...this.#gone, ...this.#observers.filter((observer) => observer !== null)];
    return all.reduce((sum, observer) => sum + observer.seen.length, 0);
  }

  client(index: number): Observer | null {
    const observer = this.#observers[index % CLIENTS] ?? null;
    return observer?.connected === true ? observer : null;
  }

  /** Connects client `index` anew; it comes back to what it followed before, at its cursors. */
  async connect(index: number, { late, batch }: { late: boolean; batch: boolean }): Promise<void> {
    const place = index % CLIENTS;
    const before = this.#observers[place];
    if (before?.connected === true) return;
    const user = USERS[place % USERS.length] ?? 'alice';
    const token = await this.server.token(user);
    const auth = { ...(batch && { frames: 'batch' }), ...(!late && { token }) };
    const observer = new Observer(this.server.url, `${user}#${place}`, auth);
    this.#observers[place] = observer;
    if (before !== null && before !== undefined) this.#gone.push(before);
    const resumed = (before?.last ?? []).map(({ threadId, after }) => observer.subscribe(threadId, after));
    if (late) await observer.authenticate(token);
    await observer.ready;
    await Promise.all(resumed);
  }

  drop(index: number): void {
    const observer = this.#observers[index % CLIENTS];
    if (observer?.connected === true) observer.drop();
  }

  /** Appends events of their own and deltas that may merge; not waited for. */
  append(thread: number, count: number, merging: boolean): void {
    const threadId = this.thread(thread);
    const pipeline = this.server.get(AppendPipeline);
    const events = this.server.get(EventFactory);
    for (let index = 0; index < count; index += 1) {
      this.#deltas += 1;
      const value = `${this.#deltas} `.repeat(1 + (this.#deltas % 40));
      const made = merging
        ? events.delta({ runId: this.#runId(threadId), agent: 'model' }, 'message', value)
        : events.make({ type: 'custom', data: { name: 'model', value } });
      this.#appends.push(pipeline.append(threadId, [made]));
    }
  }

  /** Resolves when every append is durable and every run that was started has ended. */
  async settle(): Promise<void> {
    await Promise.all(this.#appends);
    this.#appends = [];
    if (this.#runsUnderWay.size > 0) await new Promise<void>((resolve) => (this.#onQuiet = resolve));
  }

  /** Hears of starts and ends, so that `settle` can wait for them. */
  #watch(): void {
    this.server.get(CommitFeed).subscribe({
      committed: (_, events) => events.forEach((event) => this.#note(event)),
      deleted: () => undefined,
    });
  }

  #note({ type, data, runId }: StoredEvent): void {
    if (type === 'message_created') this.#runsUnderWay.add((JSON.parse(data) as { runId: string }).runId);
    if (type.startsWith('agent_c') || type === 'agent_error') this.#runsUnderWay.delete(runId ?? '');
    if (this.#runsUnderWay.size === 0) this.#onQuiet?.();
  }

  /** The process goes away and comes back on the same data. */
  async restart(): Promise<void> {
    await this.settle();
    const away = this.#observers.flatMap((observer, index) => (observer?.connected === true ? [index] : []));
    for (const index of away) this.drop(index);
    await this.server.stop();
    this.server = await startServer(this.dataDir);
    this.#watch();
    for (const index of away) await this.connect(index, { late: index % 2 === 0, batch: index % 3 === 0 });
  }

  /** Every following has what the log has: waits for it, then compares. Resolves with the faults. */
  async compare(): Promise<string[]> {
    await this.settle();
    const logs = new Map<string, EventEnvelope[]>();
    for (const threadId of this.threadIds) logs.set(threadId, await this.#log(threadId));
    const present = this.#observers.filter((observer): observer is Observer => observer?.connected === true);
    for (const observer of present) {
      observer.readOn();
      await this.#reachHeads(observer, logs);
    }
    const all = [...this.#gone, ...this.#observers.filter((observer) => observer !== null)];
    return all.flatMap((observer) => [
      ...observer.faults,
      ...observer.seen.flatMap((event) => unlike(event, logs.get(event.threadId) ?? [], observer.name)),
    ]);
  }

  /** What is missing is on its way: a bounded number of turns of request and answer, then it is a loss. */
  async #reachHeads(observer: Observer, logs: ReadonlyMap<string, readonly EventEnvelope[]>): Promise<void> {
    const missing = (): string[] =>
      observer.cursors().flatMap(({ threadId, after }) => {
        const head = logs.get(threadId)?.length ?? 0;
        return after < head ? [`${observer.name}: ${threadId} ends at ${after}, not at ${head}`] : [];
      });
    for (let turn = 0; turn < 2_000 && missing().length > 0; turn += 1) await observer.fence();
    observer.faults.push(...missing());
  }

  async #log(threadId: ThreadId): Promise<EventEnvelope[]> {
    const log: EventEnvelope[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page = await this.server.get(History).page(USERS[0], threadId, { after, limit: 1_000 });
      log.push(...page.events.map((json) => JSON.parse(json) as EventEnvelope));
      after = page.nextAfter;
    }
    return log;
  }

  #runId(threadId: ThreadId) {
    return this.server.get(IdGenerator).runId(threadId, 1);
  }
}

function startServer(dataDir: string): Promise<TestServer> {
  const env = { SLOW_CONSUMER_BYTES: '16384', RATE_LIMIT_MESSAGES_PER_SEC: '100000', RATE_LIMIT_BURST: '100000' };
  return TestServer.start({ dataDir, env: { ...env, PENDING_MAX_MESSAGES: '10000' } });
}

/** The event as the log has it, or as the log's deltas that it stands for. */
function unlike(event: EventEnvelope, log: readonly EventEnvelope[], who: string): string[] {
  const stored = log.slice((event.from ?? event.seq) - 1, event.seq);
  const [first] = stored;
  const same =
    event.from === undefined
      ? JSON.stringify(event) === JSON.stringify(first)
      : textOf([event]) === textOf(stored) && stored.every(({ type }) => type === 'agent_delta');
  return same ? [] : [`${who}: ${event.seq} of ${event.threadId} is not what the log has`];
}

function textOf(events: readonly EventEnvelope[]): string {
  return events.map((event) => (event.data as { text?: string }).text ?? '').join('');
}
