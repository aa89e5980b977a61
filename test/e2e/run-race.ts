import { expect } from '@jest/globals';

import { isTerminalType } from '../../src/threads/index.js';
import {
  ManualClock,
  checkContiguous,
  type Script,
  type ScriptAgent,
  type TestAnswer,
  type TestClient,
} from '../../src/testing/index.js';
import type { HeldCall } from '../../src/testing/intercepted-storage.js';
import { closeByHand, drivenByHand } from './gateway-kit.js';
import { ScriptedServer, newThread } from './scripted-server.js';

/** In the order in which a run uses them up. */
export const LIMITS = { RUN_STALL_MS: 5_000, RUN_TIMEOUT_MS: 20_000, INPUT_TIMEOUT_MS: 60_000 };

const STATUS_OF = { agent_completed: 'completed', agent_error: 'failed', agent_cancelled: 'cancelled' } as const;

/** Both places at a commit where a race can be held: nothing is stored yet, or all is and nobody has heard of it. */
export const AT_COMMIT = ['before', 'after'] as const;

/** A run as `GET /api/runs/:id` tells it. */
export interface RunView {
  readonly status: string;
  readonly attempt: number;
  readonly endReason: string | null;
  readonly endedAt: number | null;
  readonly inputs: readonly { readonly requestId: string; readonly status: string; readonly value?: unknown }[];
}

export interface RaceOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Where the data lies, so that a next server can go on. */
  readonly dataDir?: string;
}

/**
 * Two users who see the same thread, each on a socket, at a time that stands still, on a storage whose commits can be
 * held. Whatever raced: `judge` looks at what both were shown, at the log, and at the record of the run.
 */
export class RunRace {
  private constructor(
    readonly clock: ManualClock,
    readonly scripted: ScriptedServer,
    readonly alice: TestClient,
    readonly bob: TestClient,
    readonly threadId: string,
    private readonly options: RaceOptions,
  ) {}

  static async open(options: RaceOptions = {}): Promise<RunRace> {
    const { scripted, clock } = await serve(options);
    const alice = await scripted.server.ready('alice');
    const bob = await scripted.server.ready('bob');
    const threadId = await newThread(alice);
    const race = new RunRace(clock, scripted, alice, bob, threadId, options);
    await race.call('alice', 'PUT', `/api/threads/${threadId}/members/bob`);
    await race.#follow();
    return race;
  }

  /**
   * Drains the server until its clients have been told all and are gone. Time stands still while `inGrace` is done; after
   * that it passes.
   */
  async drain(inGrace: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
    const drained = this.scripted.server.drain();
    for (const client of [this.alice, this.bob]) await client.next('server_draining');
    await inGrace();
    await drivenByHand(drained, this.clock);
    for (const client of [this.alice, this.bob]) await client.next('disconnect');
  }

  /** The next server on the same data (`dataDir` was given), at the time at which this one has ended; new clients. */
  async next(): Promise<RunRace> {
    await this.close();
    const { script } = this.scripted;
    const { scripted, clock } = await serve({ ...this.options, script, clock: this.clock });
    const alice = await scripted.server.ready('alice');
    const bob = await scripted.server.ready('bob');
    const race = new RunRace(clock, scripted, alice, bob, this.threadId, this.options);
    await race.#follow();
    return race;
  }

  async close(): Promise<void> {
    await closeByHand(this.scripted.server, this.clock);
    await this.scripted.close();
  }

  /** Starts a run of the script agent; resolves with its id. */
  async run(script: Script, request: Record<string, unknown> = {}, client = this.alice): Promise<string> {
    const answer = await this.scripted.run(client, script, { threadId: this.threadId, ...request });
    return String(answer['runId']);
  }

  told(type: string, runId: string, client = this.alice): Promise<Record<string, unknown>> {
    return client.next(type, (event) => event['runId'] === runId);
  }

  /** Holds the next commit. */
  hold(where: 'before' | 'after'): HeldCall {
    return this.scripted.storage.holdNext('transact', where);
  }

  /** Whatever could go on without a commit that is held has gone on when this resolves. */
  async settled(): Promise<void> {
    await this.call('alice', 'GET', '/health/live');
  }

  /** Makes a request, and resolves when it has come as far as it can: it has looked at the run, and waits. */
  async meanwhile<T>(request: () => Promise<T>): Promise<{ readonly answer: Promise<T> }> {
    const look = this.scripted.storage.holdNext('runs.get', 'after');
    const answer = request();
    await look.reached;
    look.release();
    await this.settled();
    return { answer };
  }

  /** An API call that has to be answered; the status is the caller's to judge. */
  async call(userId: string, method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await this.scripted.server.fetch(userId, path, { method, ...content });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
  }

  async record(runId: string): Promise<RunView> {
    return (await this.call('bob', 'GET', `/api/runs/${runId}`)).body as RunView;
  }

  /** The types of the run's events that a client was shown. */
  types(runId: string, client = this.alice): string[] {
    return client
      .events(this.threadId)
      .filter((event) => event.runId === runId)
      .map((event) => event.type);
  }

  /** Where in the log the run's event of this type is. */
  seq(type: string, runId: string): number {
    const found = this.alice.events(this.threadId).find((event) => event.runId === runId && event.type === type);
    if (found === undefined) throw new Error(`${runId} has no ${type}.`);
    return found.seq;
  }

  /** How many events were refused because their run had ended. */
  fenced(): Promise<number> {
    return this.scripted.server.metrics.value('threadcast_agents_fenced_events_total', {});
  }

  /**
   * Both users were shown the same, without a gap: at most one start, one end, and nothing behind it, also after
   * another run has gone through the same log. The record tells that end. Answers the run's events, as types.
   */
  async judge(runId: string): Promise<string[]> {
    await this.#another();
    const types = this.types(runId);
    expect(this.types(runId, this.bob)).toEqual(types);
    for (const client of [this.alice, this.bob]) checkContiguous(client.events(this.threadId));
    const { body } = await this.call('alice', 'GET', `/api/threads/${this.threadId}/events?limit=1000`);
    const { events } = body as { events: { runId?: string; type: string; data: Record<string, unknown> }[] };
    const logged = events.filter((event) => event.runId === runId && event.type !== 'message_created');
    expect(logged.map((event) => event.type)).toEqual(types);

    expect(types.filter(isTerminalType)).toHaveLength(1);
    expect(types.filter((type) => type === 'agent_started').length).toBeLessThanOrEqual(1);
    const end = logged.at(-1);
    if (end === undefined || !isTerminalType(end.type)) throw new Error(`The last of ${types.join()} is no end.`);
    const record = await this.record(runId);
    const reason = { agent_completed: null, agent_error: end.data['code'], agent_cancelled: end.data['reason'] };
    expect(record).toMatchObject({ status: STATUS_OF[end.type], endReason: reason[end.type] });
    expect(record.endedAt).not.toBeNull();
    expect(record.inputs.map((input) => input.status)).not.toContain('open');
    const { body: stopped } = await this.call('bob', 'POST', `/api/runs/${runId}/cancel`, {});
    expect(stopped).toEqual(record);
    return types;
  }

  async #follow(): Promise<void> {
    const { threadId } = this;
    for (const client of [this.alice, this.bob]) await client.ask('subscribe_thread', { threadId, after: 0 });
  }

  async #another(): Promise<void> {
    const { runId } = await this.bob.ask('user_message', {
      threadId: this.threadId,
      content: 'And this?',
      policy: 'parallel',
    });
    for (const client of [this.alice, this.bob]) {
      await this.told('agent_completed', String(runId), client);
      await client.fence();
    }
  }
}

async function serve(options: RaceOptions & { script?: ScriptAgent; clock?: ManualClock }) {
  const clock = options.clock ?? new ManualClock();
  const limits = Object.fromEntries(Object.entries(LIMITS).map(([name, ms]) => [name, String(ms)]));
  return { clock, scripted: await ScriptedServer.start({ ...options, clock, env: { ...limits, ...options.env } }) };
}

/** How an answer came out: `ok`, or the code of its error. */
export function outcome(answer: TestAnswer): string {
  return answer.error?.code ?? 'ok';
}
