import { request, type ClientRequest, type IncomingMessage } from 'node:http';

/** As `JSON.parse` gives it: an assertion is its check. */
export type Parsed = ReturnType<typeof JSON.parse>;

export interface ReceivedEvent {
  readonly threadId: string;
  readonly seq: number;
  readonly from?: number;
  readonly type: string;
  readonly runId?: string;
  readonly data: Parsed;
}

/** One block of an event stream, as it came. */
interface Block {
  readonly id?: string;
  readonly event?: ReceivedEvent;
  readonly comment?: string;
}

/** Reads an event stream and keeps everything from the first byte on, so that no wait can miss it. */
export class EventSourceClient {
  readonly blocks: Block[] = [];
  /** Resolves with the response's head. */
  readonly opened: Promise<IncomingMessage>;
  /** Resolves when the server has ended the stream properly; rejects when it was broken off. */
  readonly ended: Promise<void>;
  /** What came instead of a stream. */
  body = '';
  readonly #request: ClientRequest;
  #text = '';
  #changed: (() => void)[] = [];
  #over = false;

  constructor(url: string, headers: Record<string, string>) {
    this.#request = request(url, { headers, agent: false });
    this.opened = new Promise((resolve, reject) => this.#request.once('response', resolve).once('error', reject));
    this.ended = this.opened.then((response) => this.#read(response));
    this.opened.catch(() => undefined);
    this.ended.catch(() => undefined);
    this.#request.end();
  }

  get events(): ReceivedEvent[] {
    return this.blocks.flatMap((block) => block.event ?? []);
  }

  get ids(): string[] {
    return this.blocks.flatMap((block) => block.id ?? []);
  }

  get comments(): string[] {
    return this.blocks.flatMap((block) => block.comment ?? []);
  }

  /** The first event that fits, received already or yet to come. Rejects with what did come when the stream ends. */
  event(fits: (event: ReceivedEvent) => boolean): Promise<ReceivedEvent> {
    return this.#first(() => this.events.find(fits));
  }

  comment(text: string): Promise<string> {
    return this.#first(() => this.comments.find((comment) => comment === text));
  }

  close(): void {
    this.#request.destroy();
  }

  async #first<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`The stream ended with ${JSON.stringify(this.blocks)} ${this.body}`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  async #read(response: IncomingMessage): Promise<void> {
    const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true;
    response.setEncoding('utf8');
    try {
      for await (const chunk of response) {
        if (isStream) this.#take(chunk as string);
        else this.body += chunk as string;
        this.#wake();
      }
    } finally {
      this.#over = true;
      this.#wake();
    }
  }

  #take(chunk: string): void {
    const parts = (this.#text + chunk).split('\n\n');
    this.#text = parts.pop() ?? '';
    for (const part of parts) this.blocks.push(blockOf(part));
  }

  #wake(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }
}

function blockOf(text: string): Block {
  if (text.startsWith(': ')) return { comment: text.slice(2) };
  const [data, id, ...rest] = text.split('\n');
  if (data?.startsWith('data: ') !== true || id?.startsWith('id: ') !== true || rest.length > 0) {
    throw new Error(`Not a block of data and id: ${text}`);
  }
  return { id: id.slice('id: '.length), event: JSON.parse(data.slice('data: '.length)) as ReceivedEvent };
}
