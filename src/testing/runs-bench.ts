import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Provider } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';

import {
  Agent,
  AgentRunner,
  AgentsModule,
  RunEngine,
  type AgentContext,
  type AgentResult,
  type AgentsOptions,
} from '../agents/index.js';
import { Clock, ClockModule } from '../clock/index.js';
import { ClusterModule } from '../cluster/index.js';
import { IdGenerator, IdModule, type RunId, type ThreadId } from '../ids/index.js';
import { Metrics, MetricsModule } from '../metrics/index.js';
import type { JsonValue, RunPolicy, ThreadEventType } from '../protocol/index.js';
import { StartupModule, StartupRunner } from '../startup/index.js';
import { Storage, StorageModule, type RunRecord, type StoredEvent } from '../storage/index.js';
import {
  CommitFeed,
  RunRegistry,
  RunStarter,
  ThreadsModule,
  ThreadsService,
  isTerminalType,
  type ThreadsOptions,
} from '../threads/index.js';
import { TracesModule } from '../traces/index.js';
import { ManualClock } from './manual-clock.js';

export interface RunsBenchOptions {
  readonly dataDir?: string;
  readonly agents?: Partial<AgentsOptions>;
  readonly threads?: Partial<ThreadsOptions>;
  readonly providers?: readonly Provider[];
  /** Instead of the one in `dataDir`: a storage that can fail. */
  readonly storage?: (dataDir: string) => Storage;
  /** Of a bench before this one, on whose data this one goes on. */
  readonly clock?: ManualClock;
  readonly script?: ScriptAgent;
}

export interface BenchStart {
  readonly userId?: string;
  readonly threadId?: ThreadId;
  readonly agent?: string;
  readonly input?: JsonValue;
  readonly message?: string;
  readonly policy?: RunPolicy;
}

export interface LoggedEvent {
  readonly seq: number;
  readonly type: ThreadEventType;
  readonly runId: RunId | null;
  readonly data: Record<string, unknown>;
}

/** Threads and agents on a real storage, without sockets, at a time that stands still. */
export class RunsBench {
  readonly clock: ManualClock;
  readonly script: ScriptAgent;
  #app: TestingModule | null = null;
  readonly #seen: StoredEvent[] = [];
  readonly #checks = new Set<() => void>();

  private constructor(
    readonly dataDir: string,
    private readonly options: RunsBenchOptions,
  ) {
    this.clock = options.clock ?? new ManualClock();
    this.script = options.script ?? new ScriptAgent();
  }

  static async open(options: RunsBenchOptions = {}): Promise<RunsBench> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'threadcast-runs-')));
    const bench = new RunsBench(dataDir, options);
    const building = Test.createTestingModule({
      imports: [
        ClockModule,
        MetricsModule,
        TracesModule.forRoot({}),
        IdModule,
        StorageModule.forRoot({ dataDir: bench.dataDir }),
        StartupModule.forRoot({}),
        ClusterModule.forRoot({ redisUrl: null, clusterName: 'bench' }),
        ThreadsModule.forRoot(options.threads ?? {}),
        AgentsModule.forRoot(options.agents ?? {}),
      ],
      providers: [...scriptProviders(bench.script), ...(options.providers ?? [])],
    })
      .overrideProvider(Clock)
      .useValue(bench.clock);
    if (options.storage !== undefined) building.overrideProvider(Storage).useValue(options.storage(bench.dataDir));
    const app = await building.compile();
    bench.#app = app;
    await app.init();
    app.get(CommitFeed).subscribe({
      committed: (_threadId, events) => {
        bench.#seen.push(...events);
        for (const check of [...bench.#checks]) check();
      },
      deleted: () => undefined,
    });
    try {
      await app.get(StartupRunner).run(30_000);
    } catch (error) {
      await bench.close();
      throw error;
    }
    return bench;
  }

  get app(): TestingModule {
    if (this.#app === null) throw new Error('The bench is closed.');
    return this.#app;
  }

  get engine(): RunEngine {
    return this.app.get(RunEngine);
  }

  get metrics(): Metrics {
    return this.app.get(Metrics);
  }

  /** Ends the process without a drain, as a crash would; what it has stored stays. */
  async crash(): Promise<string> {
    await this.#app?.close();
    this.#app = null;
    return this.dataDir;
  }

  /** Crashes, and starts anew on the same data: same agents, and time goes on. */
  async restart(options: RunsBenchOptions = {}): Promise<RunsBench> {
    const dataDir = await this.crash();
    return RunsBench.open({ ...this.options, ...options, dataDir, clock: this.clock, script: this.script });
  }

  async close(): Promise<void> {
    await this.crash();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async thread(userId = 'ada', threadId?: ThreadId): Promise<ThreadId> {
    const request = threadId === undefined ? {} : { threadId };
    return (await this.app.get(ThreadsService).create(userId, request)).threadId;
  }

  /** A start as a request makes it: checked, stored, handed over. */
  async start(start: BenchStart): Promise<{ run: RunRecord; state: 'queued' | 'running'; threadId: ThreadId }> {
    const run = await this.queue(start);
    return { run, state: this.engine.dispatch(run), threadId: run.threadId };
  }

  /** The same, not handed over to the engine. */
  async queue(start: BenchStart): Promise<RunRecord> {
    const userId = start.userId ?? 'ada';
    const message = start.message === undefined ? null : { content: start.message };
    const prepared = this.engine.prepare(start.agent, message === null ? { input: start.input ?? null } : { message });
    const threadId = start.threadId ?? (await this.thread(userId));
    const outcome = await this.app.get(RunStarter).start({
      userId,
      target: { kind: 'named', threadId },
      messageId: null,
      message,
      agent: prepared.agent,
      input: prepared.input,
      policy: start.policy ?? 'queue',
      associated: true,
      associationMs: 0,
    });
    return outcome.run;
  }

  /** Starts a run of the script agent that does this. */
  do(script: Script, start: BenchStart = {}): ReturnType<RunsBench['start']> {
    return this.start({ agent: 'script', ...start, input: this.script.keep(script) });
  }

  /** The first event, committed before or later, that this is true of. */
  event(wanted: (event: StoredEvent) => boolean): Promise<StoredEvent> {
    return new Promise((resolve) => {
      const check = (): void => {
        const found = this.#seen.find(wanted);
        if (found === undefined) return;
        this.#checks.delete(check);
        resolve(found);
      };
      this.#checks.add(check);
      check();
    });
  }

  /** Resolves with the run's event of this type. */
  told(runId: RunId, type: ThreadEventType): Promise<StoredEvent> {
    return this.event((event) => event.runId === runId && event.type === type);
  }

  /** Resolves with the run's end. */
  ended(runId: RunId): Promise<StoredEvent> {
    return this.event((event) => event.runId === runId && isTerminalType(event.type));
  }

  async log(threadId: ThreadId): Promise<LoggedEvent[]> {
    const events = await this.app.get(Storage).events.read(threadId, { after: 0, limit: 1_000_000 });
    return events.map(({ seq, type, runId, data }) => {
      return { seq, type, runId, data: JSON.parse(data) as Record<string, unknown> };
    });
  }

  /** What the log has of one run, as types. */
  async types(run: RunRecord): Promise<ThreadEventType[]> {
    return (await this.log(run.threadId)).filter((event) => event.runId === run.runId).map((event) => event.type);
  }

  async record(runId: RunId): Promise<RunRecord> {
    const run = await this.app.get(Storage).runs.get(runId);
    if (run === null) throw new Error(`There is no run ${runId}.`);
    return run;
  }

  /** Resolves when everything that was asked for before is durable, and the turns given by it are taken. */
  async fence(): Promise<void> {
    const { registry, ids } = { registry: this.app.get(RunRegistry), ids: this.app.get(IdGenerator) };
    for (let turn = 0; turn < 3; turn += 1) {
      const threadId = await this.thread('fence');
      await registry.end(
        { runId: ids.runId(threadId, 0), threadId },
        { type: 'agent_cancelled', data: { reason: '' } },
      );
    }
  }
}

/** What it resolves with is the run's result; with nothing, a result of its own. */
export type Script = (context: AgentContext) => Promise<unknown>;

/** An agent that does what a test says; its input names what. */
@Agent({ name: 'script' })
export class ScriptAgent extends AgentRunner {
  readonly #scripts: Script[] = [];

  /** Answers the input with which a run does this. */
  keep(script: Script): number {
    return this.#scripts.push(script) - 1;
  }

  override async run(context: AgentContext): Promise<AgentResult> {
    const script = this.#scripts[Number(context.input)];
    return ((await script?.(context)) as AgentResult | undefined) ?? { content: 'done' };
  }
}

/** The same, taken up again after a crash: each attempt does its script from the beginning. */
@Agent({ name: 'resuming', resumable: true })
export class ResumingAgent extends AgentRunner {
  constructor(private readonly script: ScriptAgent) {
    super();
  }

  override run(context: AgentContext): Promise<AgentResult> {
    return this.script.run(context);
  }
}

/** Both agents, which do what is kept in this one. */
export function scriptProviders(script: ScriptAgent): Provider[] {
  return [
    { provide: ScriptAgent, useValue: script },
    { provide: ResumingAgent, useValue: new ResumingAgent(script) },
  ];
}

/** A door that a test opens. */
export class Gate {
  open!: () => void;
  readonly opened = new Promise<void>((resolve) => (this.open = resolve));
}
