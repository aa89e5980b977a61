import { Log } from '../../logs/index.js';
import type { Metrics } from '../../metrics/index.js';
import type { CheckpointThread, CopyListener, WalState } from './checkpoint-thread.js';
import type { SqliteWriter } from './writer.js';

const PAGE_BYTES = 4_096;

/** In pages of the write-ahead log. */
export class CheckpointLimits {
  /** From so many on that are not copied the thread is asked to. A page that changes often is copied once for all of them. */
  copyPages = 4_000;
  /** With so many in it the next commit waits for the thread. */
  mostPages = 16_000;
}

/** So few that the writer copies them itself. */
const FEW_PAGES = 100;
/** While commits go on, each round of the thread leaves less to copy. */
const MAX_ROUNDS = 3;

/**
 * Keeps the write-ahead log short without making commits wait. A thread of its own copies the log; only when next to
 * nothing is left does the writer copy the rest, between two commits, so that the next one begins the log anew. Where the
 * thread is slower than the commits, they wait for it from a bound on; without it, the writer does all.
 *
 * The log grows past every bound only while another process reads the database at an older state, as a backup does:
 * SQLite cannot begin it anew under a reader. It is made short again after that.
 */
export class Checkpoints implements CopyListener {
  readonly #log = new Log(Checkpoints.name);
  readonly #limits: CheckpointLimits;
  #thread: CheckpointThread | null = null;
  #state: 'idle' | 'copying' | 'gone' | 'closed' = 'idle';
  /** Of the log, when it was last looked at. */
  #pages = 0;
  /** As many pages as the log had when copying was last begun. */
  #triedAt = 0;
  #rounds = 0;
  /** The thread has answered while a transaction was open. */
  #isAnswered = false;
  #hasFailed = false;
  #isHeld = false;
  #isToldHeld = false;
  #waiting: (() => void)[] = [];

  /** The thread is made when there is something to copy. */
  constructor(
    private readonly writer: SqliteWriter,
    private readonly startThread: (listener: CopyListener) => CheckpointThread,
    private readonly metrics: Metrics,
    limits: Partial<CheckpointLimits>,
  ) {
    this.#limits = Object.assign(new CheckpointLimits(), limits);
    metrics.measure('threadcast_storage_wal_bytes', {}, () => this.#pages * PAGE_BYTES);
  }

  /** The log's file is made this short when the log begins anew. */
  get mostBytes(): number {
    return this.#limits.mostPages * PAGE_BYTES;
  }

  /** Before a transaction: null, or what it has to wait for. */
  room(): Promise<void> | null {
    if (this.#state !== 'copying' || this.#pages < this.#limits.mostPages) return null;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** After each commit. Never throws. */
  committed(): void {
    if (this.#state === 'closed' || this.writer.inTransaction) return;
    if (this.#isAnswered) this.#goOn();
    const { pages, copied } = this.#look();
    if (pages - Math.max(copied, this.#triedAt) < this.#limits.copyPages) return;
    if (this.#state === 'gone') this.#copyHere();
    else if (this.#state === 'idle') this.#ask(pages);
  }

  /** Resolves when the thread is gone. To be called once the writer is closed. */
  async close(): Promise<void> {
    const isThere = this.#state !== 'gone';
    this.#state = 'closed';
    this.#letGo();
    if (isThere) await this.#thread?.close();
  }

  onCopied(state: WalState): void {
    this.#copied('thread', state);
    this.#answered('idle');
  }

  onFailed(reason: string): void {
    this.#count('thread', 'failed');
    this.#log.warn(`The write-ahead log could not be copied: ${reason}`);
    this.#hasFailed = true;
    this.#answered('idle');
  }

  onGone(reason: string): void {
    this.#count('thread', 'failed');
    this.#log.error(`The thread that copies the write-ahead log is gone; commits do it from now on: ${reason}`);
    this.#hasFailed = true;
    this.#answered('gone');
  }

  #answered(state: 'idle' | 'gone'): void {
    if (this.#state === 'closed') return;
    this.#state = state;
    this.#isAnswered = true;
    if (!this.writer.inTransaction) this.#goOn();
    this.#letGo();
  }

  /** After an answer of the thread, with no transaction open. */
  #goOn(): void {
    this.#isAnswered = false;
    const { pages, copied } = this.#look();
    const isDone = copied === pages || pages < this.#limits.copyPages;
    this.#rounds += 1;
    const mayAsk = this.#state === 'idle' && !this.#hasFailed && !this.#isHeld && this.#rounds < MAX_ROUNDS;
    if (!isDone && mayAsk && pages - copied > FEW_PAGES) {
      this.#ask(pages);
      return;
    }
    this.#rounds = 0;
    if (!isDone && (this.#hasFailed || !this.#isHeld || pages >= this.#limits.mostPages)) this.#copyHere();
    this.#hasFailed = false;
  }

  #ask(pages: number): void {
    this.#triedAt = pages;
    this.#state = 'copying';
    try {
      this.#thread ??= this.startThread(this);
    } catch (error) {
      // Under a limit of memory or processes. Without an answer commits would wait for one.
      this.onGone(`it could not be started: ${String(error)}`);
      return;
    }
    this.#thread.copy();
  }

  /** In this turn, as much as readers let it: it waits for nobody. */
  #copyHere(): void {
    this.#triedAt = this.#pages;
    try {
      this.#copied('writer', this.writer.checkpoint());
    } catch (error) {
      this.#count('writer', 'failed');
      this.#log.warn(`The write-ahead log could not be copied: ${String(error)}`);
    }
  }

  #look(): WalState {
    try {
      const state = this.writer.wal();
      // It has begun anew.
      if (state.pages < this.#triedAt) this.#triedAt = 0;
      this.#pages = state.pages;
      return state;
    } catch (error) {
      this.#log.warn(`The write-ahead log could not be looked at: ${String(error)}`);
      return { pages: this.#pages, copied: this.#pages };
    }
  }

  /** What is not copied, a reader of an older state holds. */
  #copied(by: 'thread' | 'writer', { pages, copied }: WalState): void {
    this.#isHeld = copied < pages;
    this.#count(by, this.#isHeld ? 'part' : 'whole');
    if (!this.#isHeld) this.#isToldHeld = false;
    else if (!this.#isToldHeld && pages > 2 * this.#limits.mostPages) {
      this.#isToldHeld = true;
      const megabytes = Math.round((pages * PAGE_BYTES) / 1_048_576);
      this.#log.warn(`The write-ahead log has ${megabytes} MiB: another process reads the database at an older state.`);
    }
  }

  #letGo(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #count(by: 'thread' | 'writer', outcome: 'whole' | 'part' | 'failed'): void {
    this.metrics.add('threadcast_storage_checkpoints_total', { by, outcome });
  }
}
