import { RawWebSocket } from './raw-web-socket.js';

export const SOCKET_PATH = '/socket.io/?EIO=4&transport=websocket';

/** A request as text, which may be nothing that a library would write. */
export interface HandRequest {
  /** Name and arguments, each as JSON text. */
  readonly parts: readonly string[];
  readonly attachments: readonly Buffer[];
  readonly wantsAnswer: boolean;
}

/**
 * A Socket.IO client by hand. What it sends is text, so that a request can have keys twice, `__proto__`, numbers
 * beyond all bounds. It keeps everything that comes.
 */
export class HandClient {
  /** Everything that came in beside answers, as text. */
  readonly events: string[] = [];
  readonly #answers = new Map<number, (answer: string | null) => void>();
  readonly #named = new Map<string, (text: string) => void>();
  #lastId = 0;

  private constructor(readonly socket: RawWebSocket) {
    socket.onText = (text) => this.#take(text);
    void socket.closed.then(() => {
      for (const answer of this.#answers.values()) answer(null);
      this.#answers.clear();
    });
  }

  /** A client that has asked for its connection; with a token, one that is ready. */
  static async connect(url: string, token: string | null): Promise<HandClient> {
    const client = new HandClient(await RawWebSocket.open(url, SOCKET_PATH));
    const begun = client.event(token === null ? 'connection_accepted' : 'connection_ready');
    client.socket.sendText(token === null ? '40' : `40${JSON.stringify({ token })}`);
    await begun;
    return client;
  }

  /** The first event of this name from now on, as text. Rejects when the connection ends before. */
  event(name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#named.set(name, resolve);
      void this.socket.closed.then(() => reject(new Error(`The connection ended before ${name}.`)));
    });
  }

  /** The answer as text; null: the connection ended first, or none was wanted. */
  request({ parts, attachments, wantsAnswer }: HandRequest): Promise<string | null> {
    const id = (this.#lastId += 1);
    const kind = attachments.length === 0 ? '42' : `45${attachments.length}-`;
    const answer = wantsAnswer && !this.socket.isClosed ? this.#answerTo(id) : Promise.resolve(null);
    this.socket.sendText(`${kind}${wantsAnswer ? id : ''}[${parts.join(',')}]`);
    for (const attachment of attachments) this.socket.sendBinary(attachment);
    return answer;
  }

  /** A well-formed request. */
  async ask(name: string, payload: object): Promise<Record<string, unknown>> {
    const parts = [JSON.stringify(name), JSON.stringify(payload)];
    const answer = await this.request({ parts, attachments: [], wantsAnswer: true });
    return answer === null ? {} : (JSON.parse(answer) as Record<string, unknown>[])[0]!;
  }

  #answerTo(id: number): Promise<string | null> {
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  #take(text: string): void {
    if (text === '2') {
      this.socket.sendText('3');
      return;
    }
    const [, id, answer] = /^43(\d+)(\[.*)$/s.exec(text) ?? [];
    if (id !== undefined && answer !== undefined) {
      this.#answers.get(Number(id))?.(answer);
      this.#answers.delete(Number(id));
      return;
    }
    this.events.push(text);
    const [, name] = /^42\["(\w+)"/.exec(text) ?? [];
    if (name === undefined) return;
    this.#named.get(name)?.(text);
    this.#named.delete(name);
  }
}
