import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Test, type TestingModule, type TestingModuleBuilder } from '@nestjs/testing';

import { Clock, ClockModule } from '../clock/index.js';
import { ClusterModule } from '../cluster/index.js';
import { Channels, DeliveryModule, Followers, Sink, type Frames, type Follower } from '../delivery/index.js';
import { IdModule, type ThreadId } from '../ids/index.js';
import { Metrics, MetricsModule } from '../metrics/index.js';
import type { DetachReason, EventEnvelope } from '../protocol/index.js';
import { StartupModule, StartupRunner } from '../startup/index.js';
import { Storage, StorageModule } from '../storage/index.js';
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.js';
import { AppendPipeline, EventFactory, ThreadsModule, ThreadsService, type WriteContext } from '../threads/index.js';
import { TracesModule } from '../traces/index.js';
import { InterceptedStorage } from './intercepted-storage.js';
import { ManualClock } from './manual-clock.js';

/** Threads and their delivery on a real storage whose calls a test can hold, without sockets. */
export class DeliveryBench {
  private constructor(
    readonly clock: ManualClock,
    readonly app: TestingModule,
    readonly storage: InterceptedStorage,
    private readonly dataDir: string,
  ) {}

  /** `override` replaces providers: for faults. */
  static async open(
    override: (builder: TestingModuleBuilder) => TestingModuleBuilder = (builder) => builder,
  ): Promise<DeliveryBench> {
    const dataDir = await mkdtemp(join(tmpdir(), 'threadcast-delivery-'));
    const storage = new InterceptedStorage(new SqliteStorage({ dataDir }));
    const clock = new ManualClock();
    const building = Test.createTestingModule({
      imports: [
        ClockModule,
        MetricsModule,
        TracesModule.forRoot({}),
        IdModule,
        StorageModule.forRoot({ dataDir }),
        StartupModule.forRoot({}),
        ClusterModule.forRoot({ redisUrl: null, clusterName: 'bench' }),
        ThreadsModule.forRoot({}),
        DeliveryModule.forRoot({}),
      ],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .overrideProvider(Storage)
      .useValue(storage);
    const app = await override(building).compile();
    await app.init();
    await app.get(StartupRunner).run(30_000);
    return new DeliveryBench(clock, app, storage, dataDir);
  }

  async close(): Promise<void> {
    await this.app.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  get channels(): Channels {
    return this.app.get(Channels);
  }

  get threads(): ThreadsService {
    return this.app.get(ThreadsService);
  }

  get metrics(): Metrics {
    return this.app.get(Metrics);
  }

  /** A follower with the sink that it writes to. */
  reader(userId = 'alice', maxThreads = 100): { readonly follower: Follower; readonly sink: RecordingSink } {
    const sink = new RecordingSink(userId);
    return { follower: this.follower(sink, maxThreads), sink };
  }

  follower(sink: Sink, maxThreads = 100): Follower {
    return this.app.get(Followers).create(sink, maxThreads);
  }

  async thread(userId = 'alice'): Promise<ThreadId> {
    return (await this.threads.create(userId, {})).threadId;
  }

  /** Makes this thread, with this mark of its log. */
  make(threadId: ThreadId, epoch: string): Promise<unknown> {
    const work = (write: WriteContext): Promise<unknown> =>
      this.threads.createWithin(write, 'alice', threadId, {}, epoch);
    return this.app.get(AppendPipeline).execute([threadId], work);
  }

  /** Appends so many events, each with a commit of its own, and has each handed out at once. */
  async append(threadId: ThreadId, count = 1): Promise<void> {
    const [pipeline, factory] = [this.app.get(AppendPipeline), this.app.get(EventFactory)];
    for (let n = 0; n < count; n += 1) {
      await pipeline.append(threadId, [factory.make({ type: 'custom', data: { name: 'n', value: n } })]);
      for (const channel of this.channels.all()) channel.flush();
    }
  }
}

/** Keeps what it is given. Its room is what a test says. */
export class RecordingSink extends Sink {
  /** In order: a seq, `caught up <head>` or `detached <reason>`. */
  readonly seen: (number | string)[] = [];
  readonly events: EventEnvelope[] = [];
  override connectionId = 'recording';
  override handedOverBytes = 0;
  override flushedBytes = 0;
  override flushedAt: number | null = null;
  /** Takes no more until it is drained. */
  full = false;
  /** Takes so many bytes and is full then. */
  room = Number.POSITIVE_INFINITY;
  #resumes: (() => void)[] = [];
  #watchers: { readonly what: number | string; readonly resolve: () => void }[] = [];

  constructor(override readonly userId: string) {
    super();
  }

  override deliver(frames: Frames): void {
    for (const frame of frames.all) {
      this.events.push(JSON.parse(frame.json) as EventEnvelope);
      this.room -= frame.size;
      this.handedOverBytes += frame.size;
      if (this.room <= 0) this.full = true;
      this.#see(frame.seq);
    }
  }

  override caughtUp(_threadId: ThreadId, head: number): void {
    this.#see(`caught up ${head}`);
  }

  override detached(_threadId: ThreadId, reason: DetachReason): void {
    this.#see(`detached ${reason}`);
  }

  override hasRoomFor(bytes: number): boolean {
    return !this.full && bytes < this.room;
  }

  override whenDrained(resume: () => void): void {
    if (this.full) this.#resumes.push(resume);
    else resume();
  }

  drain(): void {
    this.full = false;
    this.room = Number.POSITIVE_INFINITY;
    for (const resume of this.#resumes.splice(0)) resume();
  }

  /** Resolves once this has been seen. */
  sees(what: number | string): Promise<void> {
    if (this.seen.includes(what)) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ what, resolve }));
  }

  #see(what: number | string): void {
    this.seen.push(what);
    for (const watcher of this.#watchers) if (watcher.what === what) watcher.resolve();
    this.#watchers = this.#watchers.filter((watcher) => watcher.what !== what);
  }
}
