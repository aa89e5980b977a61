import { IdGenerator, parseThreadId, type ThreadId } from '../../src/ids/index.js';
import type { EventEnvelope } from '../../src/protocol/index.js';
import type { TestServer } from '../../src/testing/index.js';
import type { StoredEvent } from '../../src/storage/index.js';
import { AppendPipeline, CommitFeed, EventFactory, History, ThreadsService } from '../../src/threads/index.js';
import { Observer } from './observer.js';
import type { Stage } from './stage.js';

const USERS = ['alice', 'bob'] as const;
export const THREADS = 4;
export const CLIENTS = 5;
/** Until what is missing counts as lost: no measure of speed. */
const PATIENCE_MS = 20_000;

interface Arrival {
  readonly late: boolean;
  readonly batch: boolean;
  readonly place: number;
}

/** Servers, their threads (all shared by all users), and clients that come and go. */
export class World {
  readonly #observers: (Observer | null)[] = Array.from({ length: CLIENTS }, () => null);
  /** Which server each client is, or was, connected to. */
  readonly #places: number[] = Array.from({ length: CLIENTS }, () => 0);
  readonly #gone: Observer[] = [];
  readonly threadIds: ThreadId[] = [];
  #appends: Promise<unknown>[] = [];
  readonly #runsUnderWay = new Set<string>();
  /** What one server has begun may have ended on another one before this is heard. */
  readonly #ended = new Set<string>();
  #onQuiet: (() => void) | null = null;
  #deltas = 0;

  private constructor(private readonly stage: Stage) {}

  static async make(stage: Stage): Promise<World> {
    const world = new World(stage);
    for (const server of stage.servers) world.#watch(server);
    const threads = world.#server(0).get(ThreadsService);
    for (let index = 0; index < THREADS; index += 1) {
      const { threadId } = await threads.create(USERS[0], {});
      await threads.share(USERS[0], threadId, USERS[1]);
      world.threadIds.push(threadId);
    }
    return world;
  }

  async end(): Promise<void> {
    for (const index of this.#observers.keys()) this.drop(index);
    await this.settle();
    await this.stage.end();
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

  /**
   * Connects client `index` anew, to the server at this place; it comes back to what it followed before, at its cursors. One
   * that is connected to another server leaves that one.
   */
  async connect(index: number, { late, batch, place }: Arrival): Promise<void> {
    const which = index % CLIENTS;
    const before = this.#observers[which];
    if (before?.connected === true) {
      if (this.#places[which] === place) return;
      before.drop();
    }
    const user = USERS[which % USERS.length] ?? 'alice';
    const token = await this.stage.token(user);
    const auth = { ...(batch && { frames: 'batch' }), ...(!late && { token }) };
    const observer = new Observer(this.#server(place).url, `${user}#${which}`, auth);
    this.#observers[which] = observer;
    this.#places[which] = place;
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

  /** Appends events of their own and deltas that may merge, by one of the servers; not waited for. */
  append(thread: number, count: number, merging: boolean, place: number): void {
    const threadId = this.thread(thread);
    const server = this.#server(place);
    const pipeline = server.get(AppendPipeline);
    const events = server.get(EventFactory);
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

  disturb(place: number, how: string): void {
    this.stage.disturb(place, how);
  }

  #server(place: number): TestServer {
    const server = this.stage.servers[place % this.stage.servers.length];
    if (server === undefined) throw new Error('There is no server on this stage.');
    return server;
  }

  /** Hears of starts and ends, so that `settle` can wait for them. */
  #watch(server: TestServer): void {
    server.get(CommitFeed).subscribe({
      committed: (_, events) => events.forEach((event) => this.#note(event)),
      deleted: () => undefined,
    });
  }

  #note({ type, data, runId }: StoredEvent): void {
    if (type === 'message_created') {
      const begun = (JSON.parse(data) as { runId: string }).runId;
      if (!this.#ended.has(begun)) this.#runsUnderWay.add(begun);
    }
    if (type.startsWith('agent_c') || type === 'agent_error') {
      this.#ended.add(runId ?? '');
      this.#runsUnderWay.delete(runId ?? '');
    }
    if (this.#runsUnderWay.size === 0) this.#onQuiet?.();
  }

  /** A server goes away and comes back on the same data; its clients come back too, to whichever there are. */
  async restart(place: number): Promise<void> {
    await this.settle();
    const away = this.#observers.flatMap((observer, index) =>
      observer?.connected === true && this.#places[index] === place ? [index] : [],
    );
    for (const index of away) this.drop(index);
    await this.stage.restart(place);
    this.#watch(this.#server(place));
    for (const index of away) {
      await this.connect(index, {
        late: index % 2 === 0,
        batch: index % 3 === 0,
        place: index % this.stage.servers.length,
      });
    }
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

  /** What is missing is on its way: turns of request and answer, until it is a loss. */
  async #reachHeads(observer: Observer, logs: ReadonlyMap<string, readonly EventEnvelope[]>): Promise<void> {
    const missing = (): string[] =>
      observer.cursors().flatMap(({ threadId, after }) => {
        const head = logs.get(threadId)?.length ?? 0;
        return after < head ? [`${observer.name}: ${threadId} ends at ${after}, not at ${head}`] : [];
      });
    const patience = AbortSignal.timeout(PATIENCE_MS);
    while (!patience.aborted && missing().length > 0) await observer.fence();
    observer.faults.push(...missing());
  }

  async #log(threadId: ThreadId): Promise<EventEnvelope[]> {
    const log: EventEnvelope[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page = await this.#server(0).get(History).page(USERS[0], threadId, { after, limit: 1_000 });
      log.push(...page.events.map((json) => JSON.parse(json) as EventEnvelope));
      after = page.nextAfter;
    }
    return log;
  }

  #runId(threadId: ThreadId) {
    return this.#server(0).get(IdGenerator).runId(threadId, 1);
  }
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
