import { Injectable } from '@nestjs/common';

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

/** Nobody can be served without the log. */
@Injectable()
export class StorageCheck extends ReadinessCheck {
  override readonly name = 'storage';
  override readonly required = true;

  constructor(private readonly storage: Storage) {
    super();
  }

  override async check(): Promise<ReadinessResult> {
    try {
      await this.storage.check();
      return { status: 'ok' };
    } catch {
      return { status: 'down', detail: 'The storage does not answer.' };
    }
  }
}
