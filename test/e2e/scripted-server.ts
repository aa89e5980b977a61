import type { DynamicModule } from '@nestjs/common';

import type { ThreadId } from '../../src/ids/index.js';
import { SqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js';
import { Storage } from '../../src/storage/index.js';
import {
  ScriptAgent,
  TestServer,
  scriptProviders,
  type Script,
  type TestAnswer,
  type TestClient,
  type TestServerOptions,
} from '../../src/testing/index.js';
import { InterceptedStorage } from '../../src/testing/intercepted-storage.js';
import { TempDirs } from '../support/temp-dir.js';

class ScriptModule {}

export interface ScriptedServerOptions extends TestServerOptions {
  /** Of a server before this one, on whose data this one goes on. */
  readonly script?: ScriptAgent;
}

/** A server with agents that do what a test says (`script`, `resuming`), on a storage whose calls a test can hold. */
export class ScriptedServer {
  readonly #dirs = new TempDirs();
  #server: TestServer | null = null;
  #storage: InterceptedStorage | null = null;

  private constructor(readonly script: ScriptAgent) {}

  static async start(options: ScriptedServerOptions = {}): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(options.script ?? new ScriptAgent());
    const dataDir = options.dataDir ?? (await scripted.#dirs.make());
    const storage = new InterceptedStorage(new SqliteStorage({ dataDir }));
    const scripts: DynamicModule = {
      module: ScriptModule,
      providers: scriptProviders(scripted.script),
    };
    scripted.#storage = storage;
    scripted.#server = await TestServer.start({
      ...options,
      dataDir,
      imports: [scripts, ...(options.imports ?? [])],
      override: (builder) => {
        const overridden = options.override?.(builder) ?? builder;
        return overridden.overrideProvider(Storage).useValue(storage);
      },
    });
    return scripted;
  }

  get server(): TestServer {
    if (this.#server === null) throw new Error('The server was not started.');
    return this.#server;
  }

  get storage(): InterceptedStorage {
    if (this.#storage === null) throw new Error('The server was not started.');
    return this.#storage;
  }

  /** A start of the script agent that does this; the answer has to be a good one. */
  run(client: TestClient, script: Script, request: Record<string, unknown> = {}): Promise<TestAnswer> {
    return client.ask('start_agent', { agent: 'script', input: this.script.keep(script), ...request });
  }

  async close(): Promise<void> {
    await this.#server?.close();
    await this.#dirs.remove();
  }
}

/** Makes an empty thread of the client's user. */
export async function newThread(client: TestClient): Promise<ThreadId> {
  return (await client.ask('create_thread', {}))['threadId'] as ThreadId;
}

/** The frames of a thread from an index on, as short words: for the order on the wire. */
export function wire(client: TestClient, threadId: unknown, from = 0): string[] {
  return client.frames
    .slice(from)
    .filter(({ data }) => data['threadId'] === threadId)
    .map(({ name, data }) => (data['seq'] === undefined ? name : `${name} ${Number(data['seq'])}`));
}
