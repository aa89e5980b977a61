import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Bus } from '../../cluster/index.js';
import type { ThreadId } from '../../ids/index.js';
import type { StoredEvent } from '../../storage/index.js';
import { CommitFeed, type CommitListener } from '../../threads/index.js';
import { encodeCommit, encodeDeletion } from './commit-message.js';

/** Tells the other nodes what this one commits, on the topic of its thread. */
@Injectable()
export class CommitPublisher implements CommitListener, OnModuleDestroy {
  readonly #unsubscribe: () => void;

  constructor(
    feed: CommitFeed,
    private readonly bus: Bus,
  ) {
    this.#unsubscribe = bus.isShared ? feed.subscribe(this) : () => undefined;
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  committed(threadId: ThreadId, events: readonly StoredEvent[], _givenAt: number, epoch: string): void {
    this.bus.publish(threadId, encodeCommit(epoch, events));
  }

  deleted(threadId: ThreadId): void {
    this.bus.publish(threadId, encodeDeletion());
  }
}
