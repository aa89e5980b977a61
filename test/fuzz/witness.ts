import { TestClient, checkContiguous, deltaText } from '../../src/testing/index.js';
import type { EventEnvelope } from '../../src/protocol/index.js';

/**
 * A healthy user beside the hostile ones: it goes on talking, and looks whether it is answered, whether its events come
 * completely and in order, and whether anything comes that is not its own.
 */
export class Witness {
  #position = 0;
  #said = 0;
  #last: Promise<void> = Promise.resolve();
  readonly #lost: Promise<never>;

  private constructor(
    private readonly client: TestClient,
    readonly threadId: string,
    /** A run that waits for input as long as the server lives. */
    readonly waitingRunId: string,
  ) {
    this.#lost = new Promise((_resolve, reject) => {
      client.socket.once('disconnect', (reason) => reject(new Error(`The witness was disconnected: ${reason}.`)));
    });
    this.#lost.catch(() => undefined);
  }

  static async start(url: string, token: string): Promise<Witness> {
    const client = new TestClient(url, { auth: { token } });
    await client.next('connection_ready');
    const { threadId } = await client.ask('create_thread', {});
    await client.ask('subscribe_thread', { threadId, after: 0 });
    const payload = { threadId, agent: 'echo', input: { ask: 'Anybody?' }, policy: 'parallel' };
    const { runId } = await client.ask('start_agent', payload);
    await client.next('input_requested');
    const witness = new Witness(client, String(threadId), String(runId));
    witness.#read();
    return witness;
  }

  /** Says something and hears all of the answer. Rejects when anything of it is not as if there were nobody else. */
  talk(): Promise<void> {
    this.#last = this.#last.then(() => Promise.race([this.#talk(), this.#lost]));
    return this.#last;
  }

  async #talk(): Promise<void> {
    this.#said += 1;
    const text = `sentence ${this.#said} of many `;
    const sent = await this.client.ask('user_message', { threadId: this.threadId, content: text, policy: 'parallel' });
    await this.client.next('agent_completed', (event) => event['runId'] === sent['runId']);
    await this.client.fence();
    const heard = this.#read().filter((event) => event.runId === sent['runId']);
    if (deltaText(heard) !== text) throw new Error(`The witness said ‘${text}’ and heard ‘${deltaText(heard)}’.`);
  }

  close(): void {
    this.client.close();
  }

  #read(): EventEnvelope[] {
    const frames = this.client.frames.splice(0);
    const foreign = frames.find(({ data }) => (data['threadId'] ?? this.threadId) !== this.threadId);
    if (foreign !== undefined) throw new Error(`The witness was told of others: ${JSON.stringify(foreign)}`);
    const events = frames
      .filter(({ data }) => data['seq'] !== undefined)
      .map(({ data }) => data as never as EventEnvelope);
    checkContiguous(events, this.#position);
    this.#position = events.at(-1)?.seq ?? this.#position;
    return events;
  }
}
