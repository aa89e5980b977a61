import { TestServer, type TestClient, type TestServerOptions } from '../../src/testing/index.js';
import type { InterceptedStorage } from '../../src/testing/intercepted-storage.js';
import { ApiCaller, type ApiAnswer } from './api-caller.js';
import { ScriptedServer, newThread } from './scripted-server.js';

export interface GivenEvent {
  readonly type: string;
  readonly data?: object;
  readonly eventId?: string;
}

/** A server with somebody who has a thread and looks at it, and with a process that executes runs. */
export class ExternalScene {
  private constructor(
    readonly scripted: ScriptedServer,
    /** Owns the thread, and follows it. */
    readonly alice: TestClient,
    readonly owner: ApiCaller,
    /** In no thread. */
    readonly producer: ApiCaller,
    readonly threadId: string,
  ) {}

  static async open(options: TestServerOptions = {}): Promise<ExternalScene> {
    // Agents that are silent for ever are not waited for at the end.
    const env = { SHUTDOWN_GRACE_MS: '100', ...options.env };
    return ExternalScene.on(await ScriptedServer.start({ ...options, env }));
  }

  /** Another one on the same server, with a thread of its own. */
  static async on(scripted: ScriptedServer): Promise<ExternalScene> {
    const { server } = scripted;
    const alice = await server.ready('alice');
    const threadId = await newThread(alice);
    await alice.ask('subscribe_thread', { threadId, after: 0 });
    const producer = await ApiCaller.of(server, 'machine', ['producer']);
    return new ExternalScene(scripted, alice, await ApiCaller.of(server, 'alice'), producer, threadId);
  }

  get server(): TestServer {
    return this.scripted.server;
  }

  get storage(): InterceptedStorage {
    return this.scripted.storage;
  }

  /** Deletes all threads of the one who looks at them. */
  async forget(): Promise<void> {
    const { body } = await this.owner.get('/api/threads?limit=1000');
    for (const { threadId } of body.threads as { threadId: string }[]) {
      await this.owner.delete(`/api/threads/${threadId}`);
    }
  }

  close(): Promise<void> {
    return this.scripted.close();
  }

  /** The answer to a registration by the producer, on the thread if no other is named. */
  register(fields: object = {}, threadId = this.threadId): Promise<ApiAnswer> {
    return this.producer.post(`/api/threads/${threadId}/runs`, { external: true, agent: 'remote', ...fields });
  }

  /** The id of a run that was registered. */
  async registered(fields: object = {}): Promise<string> {
    return (await this.register(fields)).body.runId as string;
  }

  append(runId: string, events: readonly unknown[], more: object = {}): Promise<ApiAnswer> {
    return this.producer.post(`/api/runs/${encodeURIComponent(runId)}/events`, { events, ...more });
  }

  async status(runId: string): Promise<string> {
    return (await this.producer.get(`/api/runs/${runId}`)).body.status as string;
  }

  /** What the log has of a run: types with seqs. */
  async log(runId: string, threadId = this.threadId): Promise<{ seq: number; type: string; data: object }[]> {
    const { body } = await this.owner.get(`/api/threads/${threadId}/events?limit=1000`);
    const events = body.events as { runId?: string; seq: number; type: string; data: object }[];
    return events.filter((event) => event.runId === runId).map(({ seq, type, data }) => ({ seq, type, data }));
  }

  async types(runId: string, threadId = this.threadId): Promise<string[]> {
    return (await this.log(runId, threadId)).map(({ type }) => type);
  }

  /** A piece of text under a name of its own. */
  static delta(text: string, eventId?: string): GivenEvent {
    const event = { type: 'agent_delta', data: { messageId: 'm1', text } };
    return eventId === undefined ? event : { ...event, eventId };
  }

  static end(content: string, eventId?: string): GivenEvent {
    const event = { type: 'agent_completed', data: { messageId: 'm1', content, durationMs: 5 } };
    return eventId === undefined ? event : { ...event, eventId };
  }
}
