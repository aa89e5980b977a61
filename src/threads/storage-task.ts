import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ReadinessCheck, StartupTask, type ReadinessResult } from '../startup/index.js';
import { Storage } from '../storage/index.js';

/** Opens, locks and migrates the storage before anything else is started. */
@Injectable()
export class OpenStorage extends StartupTask {
  override readonly name = 'storage';

  constructor(private readonly storage: Storage) {
    super();
  }

  override run(): Promise<void> {
    return this.storage.open();
  }
}

/** Within this time one answer serves all who ask: a check writes to the disk and waits for it. */
const FRESH_MS = 1_000;

/** Nobody can be served without the log. */
@Injectable()
export class StorageCheck extends ReadinessCheck {
  override readonly name = 'storage';
  override readonly required = true;
  #latest: { readonly askedAt: number; readonly result: Promise<ReadinessResult> } | null = null;

  constructor(
    private readonly storage: Storage,
    private readonly clock: Clock,
  ) {
    super();
  }

  override check(): Promise<ReadinessResult> {
    const now = this.clock.monotonic();
    if (this.#latest === null || now - this.#latest.askedAt >= FRESH_MS) {
      this.#latest = { askedAt: now, result: this.#ask() };
    }
    return this.#latest.result;
  }

  async #ask(): Promise<ReadinessResult> {
    try {
      await this.storage.check();
      return { status: 'ok' };
    } catch {
      return { status: 'down', detail: 'The storage does not answer.' };
    }
  }
}
