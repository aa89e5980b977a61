import { isDeepStrictEqual } from 'node:util';

import { ThreadcastError } from '../../src/errors/index.js';
import type { RunId, ThreadId } from '../../src/ids/index.js';
import type { JsonValue, RunPolicy } from '../../src/protocol/index.js';
import { Storage } from '../../src/storage/index.js';
import { RunsBench, type LoggedEvent } from '../../src/testing/runs-bench.js';
import { RunStarter, ThreadsService, hasEnded, isUnderWay, type RunRecord } from '../../src/threads/index.js';
import { MortalStorage, type Trouble } from './mortal-storage.js';
import { Puppets, type Puppet } from './puppets.js';

const USERS = ['ada', 'bob'] as const;
export const THREADS = 2;
export const NAMES = ['a', 'b'] as const;
/** So that few runs are enough for each of them to be reached. */
const LIMITS = { maxRuns: 3, maxRunsPerUser: 2, runTimeoutMs: 4_000, runStallMs: 2_500, inputTimeoutMs: 30_000 };
/** Turns of the event loop in which everything that can go on has gone on. */
const TURNS = 12;
const MOST_DEAD_STEPS = 3;

export interface Start {
  readonly user: number;
  readonly thread: number;
  readonly policy: RunPolicy;
  readonly agent: 'script' | 'resuming';
  /** Null: a start of its own. */
  readonly message: number | null;
}

/** What somebody was answered. */
interface Answered {
  readonly to: string;
  readonly runId: RunId;
  readonly duplicate: boolean;
}

/** Threads, two users who share them, agents on strings; one process after the other on the same data. */
export class RunsWorld {
  readonly puppets = new Puppets();
  readonly threadIds: ThreadId[] = [];
  readonly answered: Answered[] = [];
  /** MessageIds of starts that were refused, by a process that was alive. */
  readonly refused: string[] = [];
  readonly faults = this.puppets.faults;
  #starts = 0;
  #deadSteps = 0;
  /** As last seen: nothing of it is ever taken back. */
  readonly #logs = new Map<ThreadId, readonly LoggedEvent[]>();
  readonly #records = new Map<RunId, RunRecord>();

  private constructor(
    private bench: RunsBench,
    private storage: MortalStorage,
  ) {}

  static async make(): Promise<RunsWorld> {
    const { bench, storage } = await open();
    const world = new RunsWorld(bench, storage);
    bench.script.keep(world.puppets.script);
    const threads = bench.app.get(ThreadsService);
    for (let n = 0; n < THREADS; n += 1) {
      const { threadId } = await threads.create(USERS[0], {});
      await threads.share(USERS[0], threadId, USERS[1]);
      world.threadIds.push(threadId);
    }
    return world;
  }

  get records(): ReadonlyMap<RunId, RunRecord> {
    return this.#records;
  }

  log(threadId: ThreadId): readonly LoggedEvent[] {
    return this.#logs.get(threadId) ?? [];
  }

  /** Asks for a run; the answer is kept when it comes. */
  start({ user, thread, policy, agent, message }: Start): void {
    const messageId = message === null ? `own-${(this.#starts += 1)}` : `m-${message}`;
    const userId = USERS[user % USERS.length] ?? USERS[0];
    const threadId = this.threadIds[thread % THREADS] ?? this.threadIds[0]!;
    const content = { content: '0' };
    const command = this.bench.engine.prepare(agent, { message: content });
    const { engine, app } = this.bench;
    const starting = app.get(RunStarter).start({
      ...{ userId, messageId, message: content, ...command, policy, associated: true, associationMs: 0 },
      target: { kind: 'named', threadId },
    });
    this.#take(starting, ({ run, duplicate }) => {
      if (run.status === 'queued') engine.dispatch(run);
      if (!this.#records.has(run.runId)) this.#records.set(run.runId, run);
      this.answered.push({ to: `${userId} ${threadId} ${messageId}`, runId: run.runId, duplicate });
    });
    const { storage } = this;
    if (message === null) starting.catch(() => storage.dead || this.refused.push(messageId));
  }

  stop(user: number, which: number): void {
    const run = this.#run(which);
    if (run === null) return;
    this.#take(this.bench.engine.stop(USERS[user % 2] ?? 'ada', run.runId), ({ status }) => {
      if (!hasEnded(status)) this.faults.push(`${run.runId}: stopped, and ${status}`);
    });
  }

  /** Of all that was asked for, or of what is open, the latest ones. */
  provide(user: number, which: number, open: boolean, value: JsonValue): void {
    const all = [...this.#records.values()].flatMap((run) => run.inputs.map((input) => ({ run, input })));
    const chosen = latest(open ? all.filter(({ input }) => input.status === 'open') : all, which);
    if (chosen === null) return;
    const { run, input: asked } = chosen;
    const { requestId } = asked;
    const provided = this.bench.engine.provideInput(USERS[user % 2] ?? 'ada', run.runId, requestId, value);
    this.#take(provided, async () => {
      const taken = (await this.bench.record(run.runId)).inputs.find((one) => one.requestId === requestId);
      const same = taken?.status === 'answered' && isDeepStrictEqual(taken.value, value);
      if (!same) this.faults.push(`${run.runId}: the answer to ${requestId} was taken, and is not there`);
    });
  }

  async speak(which: number): Promise<void> {
    const puppet = this.#puppet(which);
    if (puppet !== null) this.puppets.emit(puppet, this.bench, await this.#isLate(puppet));
  }

  ask(which: number, name: number): void {
    const puppet = this.#puppet(which);
    if (puppet !== null) this.puppets.ask(puppet, this.bench, NAMES[name] ?? null);
  }

  finish(which: number, how: 'complete' | 'fail'): void {
    const puppet = this.#puppet(which);
    if (puppet !== null) this.puppets.finish(puppet, this.bench, how);
  }

  advance(ms: number): void {
    this.bench.clock.advance(ms);
  }

  /** Nothing more comes of this process; a few steps it is left as it is. */
  async bury(): Promise<void> {
    this.#deadSteps = this.storage.dead ? this.#deadSteps + 1 : 0;
    if (this.#deadSteps > MOST_DEAD_STEPS) await this.restart();
  }

  trouble(trouble: Trouble): void {
    this.storage.strikeNext(trouble);
  }

  /** The process dies where it is; a new one goes on with what is stored. */
  async restart(): Promise<void> {
    this.storage.goOn();
    const { clock, script } = this.bench;
    const state: { dataDir: string | null } = { dataDir: null };
    const dead = this.bench.crash().then((dataDir) => (state.dataDir = dataDir));
    while (state.dataDir === null) {
      clock.advance(500);
      await turn();
    }
    this.puppets.process += 1;
    ({ bench: this.bench, storage: this.storage } = await open({ dataDir: await dead, clock, script }));
    const before = [...this.#records.values()].filter((run) => isUnderWay(run.status));
    await this.look();
    for (const { runId, attempt } of before) {
      const now = this.#records.get(runId);
      const left = now !== undefined && !hasEnded(now.status) && now.attempt === attempt;
      if (left) this.faults.push(`${runId}: left ${now.status} by the recovery`);
    }
  }

  /** Lets the event loop turn. */
  async pass(turns: number): Promise<void> {
    for (let n = 0; n < turns; n += 1) await turn();
  }

  /** Lets everything come to rest, and looks at it. */
  async look(): Promise<void> {
    this.storage.goOn();
    await this.pass(TURNS);
    for (const threadId of this.threadIds) {
      const before = this.log(threadId);
      const log = await this.bench.log(threadId);
      if (!isDeepStrictEqual(log.slice(0, before.length), before)) this.faults.push(`${threadId} was changed`);
      this.#logs.set(threadId, log);
      for (const runId of runsOf(log)) this.#seen(await this.bench.record(runId));
    }
  }

  /** Every run comes to its end: told to, or by time. */
  async finishAll(): Promise<void> {
    await this.look();
    this.storage.spare();
    if (this.storage.dead) await this.restart();
    for (let round = 0; (await this.bench.app.get(Storage).runs.unfinished()).length > 0; round += 1) {
      if (round > 300) throw new Error('Some runs do not end.');
      for (const puppet of this.puppets.all) if (puppet.process === this.puppets.process) puppet.finish('complete');
      await this.look();
      this.advance(2_500);
    }
    await this.look();
  }

  /** How many runs this process thinks it has. */
  async inHand(): Promise<number> {
    let sum = 0;
    for (const state of ['queued', 'running', 'waiting_input']) {
      sum += await this.bench.metrics.value('threadcast_agents_runs', { state });
    }
    return sum;
  }

  async end(): Promise<void> {
    if (this.storage.dead) await this.restart();
    await this.bench.close();
  }

  #seen(run: RunRecord): void {
    const before = this.#records.get(run.runId);
    this.#records.set(run.runId, run);
    if (before === undefined) return;
    if (run.attempt < before.attempt) this.faults.push(`${run.runId}: attempt ${before.attempt}, then ${run.attempt}`);
    if (hasEnded(before.status) && !isDeepStrictEqual(before, run))
      this.faults.push(`${run.runId}: changed after its end`);
  }

  async #isLate({ process, context }: Puppet): Promise<boolean> {
    const run = await this.bench.record(context.runId);
    return process !== this.puppets.process || hasEnded(run.status) || run.attempt !== context.attempt;
  }

  #run(which: number): RunRecord | null {
    return latest([...this.#records.values()], which);
  }

  #puppet(which: number): Puppet | null {
    return latest(this.puppets.all, which);
  }

  /** A refusal is an answer, and so is none by a process that has died; everything else is a defect. */
  #take<T>(work: Promise<T>, onAnswer: (answer: T) => unknown): void {
    const { process } = this.puppets;
    work.then(onAnswer).catch((error: unknown) => {
      const died = this.puppets.process !== process;
      if (!died && !(error instanceof ThreadcastError)) this.faults.push(`answered with ${String(error)}`);
    });
  }
}

/** Counted from the end. */
function latest<T>(all: readonly T[], which: number): T | null {
  return all[all.length - 1 - (which % Math.max(1, all.length))] ?? null;
}

export function runsOf(log: readonly LoggedEvent[]): Set<RunId> {
  const runIds = new Set<RunId>();
  for (const { data } of log) if (typeof data['runId'] === 'string') runIds.add(data['runId'] as RunId);
  return runIds;
}

async function open(more: Parameters<typeof RunsBench.open>[0] = {}) {
  let storage: MortalStorage | null = null;
  const bench = await RunsBench.open({
    ...more,
    agents: LIMITS,
    storage: (dataDir) => (storage = new MortalStorage({ dataDir })),
  });
  return { bench, storage: storage! };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
