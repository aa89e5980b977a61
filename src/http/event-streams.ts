import { Injectable } from '@nestjs/common';
import type { Response } from 'express';

import { Clock, type Timer } from '../clock/index.js';
import { Followers, type Position } from '../delivery/index.js';
import { ThreadcastError } from '../errors/index.js';
import type { Principal } from '../identity/index.js';
import { IdGenerator, type ThreadId } from '../ids/index.js';
import { DrainStep, type DrainStage } from '../startup/index.js';
import { EventStream } from './event-stream.js';
import { HttpOptions } from './http-options.js';
import { StreamLimits } from './stream-limits.js';

/** The longest that one timer can be set. */
const MAX_TIMER_MS = 2_147_483_647;

/** The event streams that are open: each follows one thread until its client, its token, its access or this process goes. */
@Injectable()
export class EventStreams extends DrainStep {
  override readonly name = 'event streams';
  override readonly stage: DrainStage = 'close';
  readonly #open = new Set<EventStream>();

  constructor(
    private readonly followers: Followers,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
    private readonly options: HttpOptions,
    private readonly limits: StreamLimits,
  ) {
    super();
  }

  /**
   * Answers with a stream of the thread's events. Rejects with `thread_not_found`, `cursor_invalid` or
   * `too_many_connections` as long as nothing has been answered.
   */
  async follow(user: Principal, threadId: ThreadId, position: Position, res: Response): Promise<void> {
    const leave = await this.limits.enter(user.userId);
    try {
      if (!(await this.#begin(user, threadId, position, res, leave))) leave();
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** False: the client has gone meanwhile. */
  async #begin(
    user: Principal,
    threadId: ThreadId,
    position: Position,
    res: Response,
    leave: () => void,
  ): Promise<boolean> {
    const streamId = this.ids.token('stream');
    const stream = new EventStream(streamId, user.userId, res, this.clock, this.options.slowConsumerBytes);
    const follower = this.followers.create(stream, 1);
    const following = await follower.prepare(threadId, 'subscribed', position);
    if (res.destroyed) {
      following.abort();
      return false;
    }
    if (!following.commit()) throw new ThreadcastError('thread_not_found');
    this.#open.add(stream);
    const expiry = this.#watchExpiry(user, stream);
    stream.open(following.epoch, () => {
      expiry.cancel();
      this.#open.delete(stream);
      follower.close();
      leave();
    });
    following.start();
    return true;
  }

  override async run(): Promise<void> {
    for (const stream of this.#open) stream.end('draining');
  }

  #watchExpiry({ expiresAt }: Principal, stream: EventStream): Timer {
    if (expiresAt === null) return { cancel: () => undefined };
    let timer: Timer;
    const watch = (): void => {
      const leftMs = expiresAt - this.clock.now();
      if (leftMs <= 0) stream.end('token expired');
      else timer = this.clock.after(Math.min(leftMs, MAX_TIMER_MS), watch);
    };
    timer = this.clock.after(0, watch);
    return { cancel: () => timer.cancel() };
  }
}
