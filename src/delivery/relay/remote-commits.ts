import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Bus, type TopicListener } from '../../cluster/index.js';
import type { ThreadId } from '../../ids/index.js';
import { Log } from '../../logs/index.js';
import { Metrics } from '../../metrics/index.js';
import type { LogHead, StoredEvent } from '../../storage/index.js';
import { CommitFeed, WatchedThreads, type CommitListener, type WatchListener } from '../../threads/index.js';
import { decodeCommit, type CommitMessage } from './commit-message.js';
import { LogReads } from './log-reads.js';
import { WatchedLog, type Need } from './watched-log.js';

interface Watched {
  readonly log: WatchedLog;
  /** Ends the subscription of its topic. */
  readonly leave: () => void;
}

/**
 * Brings in what other nodes commit, of the threads that are watched here, each event once and in order: from the bus
 * where it joins on, else from the log. The bus is not trusted. Whenever a topic is listened to, for the first time or
 * again, and when the bus is lost, the heads of the logs are read; and once a second those of all (`judge`).
 *
 * Where there are no other nodes, it does nothing.
 */
@Injectable()
export class RemoteCommits implements CommitListener, WatchListener, OnModuleDestroy {
  readonly #defects = new Log('Relay');
  readonly #watched = new Map<ThreadId, Watched>();
  readonly #ends: (() => void)[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly feed: CommitFeed,
    threads: WatchedThreads,
    private readonly reads: LogReads,
    private readonly metrics: Metrics,
  ) {
    if (!bus.isShared) return;
    this.#ends.push(
      threads.subscribe(this),
      feed.subscribe(this),
      bus.onState((state) => {
        // What was said while nobody noticed the loss; once it is joined again, each topic tells so.
        if (state === 'lost') for (const threadId of this.#watched.keys()) this.#do(threadId, 'look');
      }),
    );
  }

  onModuleDestroy(): void {
    for (const end of this.#ends.splice(0)) end();
    for (const threadId of [...this.#watched.keys()]) this.ended(threadId);
    this.reads.close();
  }

  began(threadId: ThreadId): void {
    const listener: TopicListener = {
      heard: (message) => this.#heard(threadId, message),
      listening: () => this.#do(threadId, 'look'),
    };
    this.#watched.set(threadId, { log: new WatchedLog(), leave: this.bus.subscribe(threadId, listener) });
    // Where the bus is lost, it does not say when it listens.
    if (this.bus.state === 'lost') this.#do(threadId, 'look');
  }

  ended(threadId: ThreadId): void {
    this.#watched.get(threadId)?.leave();
    this.#watched.delete(threadId);
  }

  committed(threadId: ThreadId, events: readonly StoredEvent[], _givenAt: number, epoch: string): void {
    const [first, last] = [events[0], events.at(-1)];
    const watched = this.#watched.get(threadId);
    if (watched === undefined || first === undefined || last === undefined) return;
    this.#do(threadId, watched.log.committedHere(epoch, first.seq, last.seq));
  }

  deleted(threadId: ThreadId): void {
    this.#watched.get(threadId)?.log.forget();
  }

  /** The mark of the log as it is known here; null: not yet, or it is not watched. */
  epochOf(threadId: ThreadId): string | null {
    return this.#watched.get(threadId)?.log.epoch ?? null;
  }

  /** `before`: its mark as it was known before the storage was asked. Null in the place of a log: there is none. */
  judge(threadId: ThreadId, before: string | null, found: LogHead | null): void {
    const log = this.#watched.get(threadId)?.log;
    // What has changed meanwhile is known better than this answer.
    if (log?.epoch !== before) return;
    if (found !== null && found.epoch === before) {
      this.#do(threadId, log.grown(found.head));
      return;
    }
    if (before !== null) {
      log.forget();
      this.feed.publishDeletedElsewhere(threadId, before);
    }
    if (found === null) return;
    log.begin(found);
    this.feed.publishWatching(threadId, found);
  }

  #heard(threadId: ThreadId, text: string): void {
    const log = this.#watched.get(threadId)?.log;
    if (log === undefined) return;
    let message: CommitMessage;
    try {
      message = decodeCommit(threadId, text);
    } catch (error) {
      this.#defects.defect(error);
      this.#do(threadId, 'look');
      return;
    }
    const { tell, need } = log.heard(message);
    this.#tell(threadId, log, tell, 'bus');
    this.#do(threadId, need);
  }

  #tell(threadId: ThreadId, { epoch }: WatchedLog, events: readonly StoredEvent[], way: 'bus' | 'log'): void {
    if (events.length === 0 || epoch === null) return;
    this.metrics.add('threadcast_delivery_remote_events_total', { way }, events.length);
    this.feed.publishCommittedElsewhere(threadId, events, epoch);
  }

  #do(threadId: ThreadId, need: Need): void {
    if (need === 'look') this.reads.look(threadId, this);
    else if (need === 'read') this.reads.read(threadId, this);
  }

  /** Where to read on; null: there is nothing to read. */
  place(threadId: ThreadId): { readonly epoch: string; readonly after: number } | null {
    const log = this.#watched.get(threadId)?.log;
    return log === undefined || log.epoch === null || !log.isBehind ? null : { epoch: log.epoch, after: log.cursor };
  }

  /** Events of the log, read from a place that was given before. */
  found(threadId: ThreadId, epoch: string, events: readonly StoredEvent[]): void {
    const log = this.#watched.get(threadId)?.log;
    if (log?.epoch !== epoch) return;
    if (events.length === 0) this.#do(threadId, 'look');
    else this.#tell(threadId, log, log.read(events), 'log');
  }
}
