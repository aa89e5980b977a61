import { ExternalRuns } from '../agents/index.js';
import type { ThreadId } from '../ids/index.js';
import type { JsonValue, RunPolicy } from '../protocol/index.js';
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.js';
import type { AppendedEvent, ExternalEvent, RunRecord } from '../threads/index.js';
import { InterceptedStorage } from './intercepted-storage.js';
import { ManualClock } from './manual-clock.js';
import { RunsBench, type RunsBenchOptions } from './runs-bench.js';

/** Not the defaults, which are too alike. */
const AGENTS = { runTimeoutMs: 1_000, runStallMs: 60_000, inputTimeoutMs: 600_000 };

export interface AskedRegistration {
  readonly threadId?: ThreadId;
  readonly policy?: RunPolicy;
  readonly userId?: string;
  readonly input?: JsonValue;
  readonly everyThread?: boolean;
}

/** Runs of other processes on a real storage that can be held, at a time that stands still. */
export class ExternalBench {
  private constructor(
    readonly bench: RunsBench,
    readonly storage: InterceptedStorage,
  ) {}

  static async open(options: RunsBenchOptions = {}): Promise<ExternalBench> {
    const made: InterceptedStorage[] = [];
    const storageIn = (dataDir: string): InterceptedStorage => {
      const storage = new InterceptedStorage(new SqliteStorage({ dataDir }));
      made.push(storage);
      return storage;
    };
    const agents = { ...AGENTS, ...options.agents };
    const bench = await RunsBench.open({ ...options, agents, storage: storageIn });
    const [storage] = made;
    if (storage === undefined) throw new Error('No storage was made.');
    return new ExternalBench(bench, storage);
  }

  /** Another process on the same data, so many ms after the crash of this one. */
  async reopened(afterMs: number, options: RunsBenchOptions = {}): Promise<ExternalBench> {
    const clock = new ManualClock(this.bench.clock.now() + afterMs);
    return ExternalBench.open({ ...options, dataDir: await this.bench.crash(), clock });
  }

  /** By somebody who may register on every thread, if nothing else is said. */
  async register(asked: AskedRegistration = {}): Promise<RunRecord> {
    const {
      policy = 'parallel',
      everyThread = true,
      userId = 'ada',
      input = null,
      threadId = await this.bench.thread(),
    } = asked;
    const { outcome } = await this.bench.app.get(ExternalRuns).register({
      ...{ userId, everyThread, threadId, agent: 'remote', runId: null },
      ...{ input, messageId: null, policy },
    });
    return outcome.run;
  }

  append(runId: string, ...events: ExternalEvent[]): Promise<readonly AppendedEvent[]> {
    return this.bench.app.get(ExternalRuns).append(runId, 'remote', events);
  }

  /** Lets what was asked for get as far as the storage. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.bench.clock.soon(resolve));
  }

  /** Moves time on, and lets what is under way before and after come to rest. */
  async advance(ms: number): Promise<void> {
    await this.bench.fence();
    this.bench.clock.advance(ms);
    await this.bench.fence();
  }

  /** The reasons of the ends of runs, and the statuses of those that have none. */
  states(...runs: RunRecord[]): Promise<string[]> {
    return Promise.all(
      runs.map(async ({ runId }) => {
        const { status, endReason } = await this.bench.record(runId);
        return endReason ?? status;
      }),
    );
  }
}
