import type { TopicListener } from '../cluster/index.js';

type Seen = 'listening' | { readonly message: string };

/** Listens to a topic and keeps everything, so that no wait can miss anything. */
export class TopicRecorder implements TopicListener {
  readonly seen: Seen[] = [];
  #taken = 0;
  readonly #waits = new Set<() => void>();

  listening(): void {
    this.#add('listening');
  }

  heard(message: string): void {
    this.#add({ message });
  }

  get heardSoFar(): string[] {
    return this.seen.flatMap((one) => (one === 'listening' ? [] : [one.message]));
  }

  /** The next time that it begins to listen, each once. */
  async next(what: 'listening'): Promise<void> {
    await this.#until(() => this.seen.includes(what, this.#taken));
    this.#taken = this.seen.indexOf(what, this.#taken) + 1;
  }

  /** When so many messages have been heard. */
  count(messages: number): Promise<void> {
    return this.#until(() => this.heardSoFar.length >= messages);
  }

  #add(one: Seen): void {
    this.seen.push(one);
    for (const look of [...this.#waits]) look();
  }

  #until(isThere: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isThere()) return;
        this.#waits.delete(look);
        resolve();
      };
      this.#waits.add(look);
      look();
    });
  }
}
