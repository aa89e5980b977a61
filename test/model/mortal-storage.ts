import { ThreadcastError } from '../../src/errors/index.js';
import type { Transaction } from '../../src/storage/index.js';
import { SqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js';

/** What strikes the next commit: before it, or behind it, when all is stored and nobody has heard. */
export interface Trouble {
  readonly where: 'before' | 'after';
  readonly how:
    /** It takes until it is told to go on. */
    | 'wait'
    /** The storage does not answer. */
    | 'fail'
    /** From then on the process gets nothing stored and learns nothing: it is as good as dead. */
    | 'die';
}

/** A real storage that is slow or fails, once or for ever, at a commit that a test chooses. */
export class MortalStorage extends SqliteStorage {
  #trouble: Trouble | null = null;
  #dead = false;
  #onGo: (() => void) | null = null;

  get dead(): boolean {
    return this.#dead;
  }

  strikeNext(trouble: Trouble): void {
    this.#trouble ??= trouble;
  }

  /** What was to strike does not. */
  spare(): void {
    this.#trouble = null;
    this.goOn();
  }

  /** The commit that waits goes on. */
  goOn(): void {
    this.#onGo?.();
  }

  override async transact<T>(batchId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#live();
    const trouble = this.#trouble;
    if (trouble?.where === 'before') await this.#strike(trouble);
    const result = await super.transact(batchId, work);
    if (trouble?.where === 'after') await this.#strike(trouble);
    return result;
  }

  override wasCommitted(batchId: string): Promise<boolean> {
    this.#live();
    return super.wasCommitted(batchId);
  }

  async #strike({ how }: Trouble): Promise<void> {
    this.#trouble = null;
    if (how === 'wait') {
      await new Promise<void>((resolve) => (this.#onGo = resolve));
      return;
    }
    this.#dead = how === 'die';
    throw new ThreadcastError('storage_unavailable');
  }

  #live(): void {
    if (this.#dead) throw new ThreadcastError('storage_unavailable');
  }
}
