import type { Clock } from '../../clock/index.js';
import type { TopicListener } from '../bus.js';
import type { RedisLink } from './redis-link.js';

/**
 * What is listened to on this node, whatever becomes of the links: on each new one all of it is subscribed to again.
 * Changes of one turn go to Redis together, so a thread that is left and followed again at once costs nothing.
 */
export class Topics {
  readonly #listeners = new Map<string, Set<TopicListener>>();
  /** What the present link has been asked for; an entry per asking, so that a late answer is known as such. */
  readonly #held = new Map<string, { isConfirmed: boolean }>();
  #link: RedisLink | null = null;
  #scheduled = false;

  constructor(
    private readonly clock: Clock,
    private readonly channelOf: (topic: string) => string,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  get size(): number {
    return this.#listeners.size;
  }

  add(topic: string, listener: TopicListener): () => void {
    const present = this.#listeners.get(topic);
    if (present === undefined) this.#listeners.set(topic, new Set([listener]));
    else present.add(listener);
    if (this.#held.get(topic)?.isConfirmed === true) this.clock.soon(() => this.#tellListening(topic, listener));
    this.#schedule();
    return () => {
      const listeners = this.#listeners.get(topic);
      if (listeners?.delete(listener) !== true || listeners.size > 0) return;
      this.#listeners.delete(topic);
      this.#schedule();
    };
  }

  heard(topic: string, message: string): void {
    for (const listener of [...(this.#listeners.get(topic) ?? [])]) listener.heard(message);
  }

  /** Null: there is none for now. */
  use(link: RedisLink | null): void {
    this.#link = link;
    this.#held.clear();
    this.#reconcile();
  }

  #schedule(): void {
    if (this.#scheduled || this.#link === null) return;
    this.#scheduled = true;
    this.clock.soon(() => {
      this.#scheduled = false;
      this.#reconcile();
    });
  }

  #reconcile(): void {
    const link = this.#link;
    if (link === null) return;
    const left = [...this.#held.keys()].filter((topic) => !this.#listeners.has(topic));
    const wanted = [...this.#listeners.keys()].filter((topic) => !this.#held.has(topic));
    for (const topic of left) this.#held.delete(topic);
    if (left.length > 0) link.unsubscribe(left.map((topic) => this.channelOf(topic)));
    if (wanted.length === 0) return;
    const asked = wanted.map((topic) => [topic, { isConfirmed: false }] as const);
    for (const [topic, entry] of asked) this.#held.set(topic, entry);
    link
      .subscribe(wanted.map((topic) => this.channelOf(topic)))
      .then(() => this.#confirm(asked))
      .catch((error: unknown) => {
        if (this.#link === link) this.onFailure(error);
      });
  }

  #confirm(asked: readonly (readonly [topic: string, entry: { isConfirmed: boolean }])[]): void {
    for (const [topic, entry] of asked) {
      if (this.#held.get(topic) !== entry) continue;
      entry.isConfirmed = true;
      for (const listener of [...(this.#listeners.get(topic) ?? [])]) listener.listening();
    }
  }

  #tellListening(topic: string, listener: TopicListener): void {
    const isConfirmed = this.#held.get(topic)?.isConfirmed === true;
    if (isConfirmed && this.#listeners.get(topic)?.has(listener) === true) listener.listening();
  }
}
