import { createRequire } from 'node:module';
import { Worker, type MessagePort } from 'node:worker_threads';

import type Database from 'better-sqlite3';

/** A write-ahead log: its pages, and how many of them are in the database file too. */
export interface WalState {
  readonly pages: number;
  readonly copied: number;
}

export interface CopyListener {
  /** What was asked for is done, as far as readers of older states let it. */
  onCopied(state: WalState): void;
  /** What was asked for has failed; the thread is there for the next time. */
  onFailed(reason: string): void;
  /** Told once: the thread is gone, and not because it was closed. */
  onGone(reason: string): void;
}

type Answer = WalState | { readonly failure: string };

/** Runs in the thread, from its source text: nothing outside of this function can be named in it. */
function serve(port: MessagePort, Driver: typeof Database, file: string): void {
  const db = new Driver(file, { fileMustExist: true });
  db.pragma('synchronous = FULL');
  const passive = db.prepare<[], [number, number, number]>('pragma wal_checkpoint(PASSIVE)').raw();
  const copy = (): Answer => {
    try {
      const [, pages = -1, copied = -1] = passive.get() ?? [];
      return pages < 0 ? { failure: 'another process is at it' } : { pages, copied };
    } catch (error) {
      return { failure: String(error) };
    }
  };
  port.on('message', (request: 'copy' | 'close') => {
    if (request === 'copy') {
      port.postMessage(copy());
      return;
    }
    db.close();
    port.close();
  });
}

const CODE = `const { parentPort, workerData } = require('node:worker_threads');
(${serve.toString()})(parentPort, require(workerData.driver), workerData.file);`;

/**
 * Copies the write-ahead log into the database file beside the process's work, on a connection of its own: the waiting
 * for the disk that a checkpoint is made of stops nobody. It is asked, and never acts by itself. The driver is the very
 * file that the process has loaded: two copies of SQLite in one process would undo each other's locks.
 */
export class CheckpointThread {
  readonly #worker: Worker;
  readonly #over: Promise<void>;
  #isClosing = false;

  constructor(file: string, listener: CopyListener) {
    const driver = createRequire(import.meta.url).resolve('better-sqlite3');
    // It prints nothing; so nothing of it is led to the outputs of the process, which would each be listened to for it.
    const apart = { execArgv: [], stdout: true, stderr: true };
    this.#worker = new Worker(CODE, { eval: true, workerData: { driver, file }, ...apart });
    // An open storage that does nothing does not keep its process alive.
    this.#worker.unref();
    let reason = 'it ended';
    this.#worker.on('error', (error) => (reason = String(error)));
    this.#worker.on('message', (answer: Answer) => {
      this.#worker.unref();
      if ('failure' in answer) listener.onFailed(answer.failure);
      else listener.onCopied(answer);
    });
    this.#over = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        resolve();
        if (!this.#isClosing) listener.onGone(reason);
      });
    });
  }

  /** Answered by one call of the listener. Not asked again before that. */
  copy(): void {
    this.#worker.ref();
    this.#worker.postMessage('copy');
  }

  /** Resolves when the thread and its connection are gone; what was asked for before is done. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#worker.ref();
    this.#worker.postMessage('close');
    return this.#over;
  }
}
