import { Injectable } from '@nestjs/common';

import type { PreparedFollowing } from '../delivery/index.js';
import { ThreadcastError, validateDto } from '../errors/index.js';
import { parseThreadId } from '../ids/index.js';
import { normaliseIds } from '../protocol/index.js';
import { Associations } from './associations.js';
import type { Connection } from './connection.js';
import { FollowThreadDto } from './dto/follow-thread.dto.js';
import { Failures } from './failures.js';

/** The thread that a handshake names, as the connection's first active one. */
@Injectable()
export class FirstThread {
  constructor(
    private readonly associations: Associations,
    private readonly failures: Failures,
  ) {}

  /** Null: none was named, or it was refused, which the client is told as a refused `switch_thread`. */
  async prepare(connection: Connection): Promise<PreparedFollowing | null> {
    if (connection.first === null) return null;
    try {
      const { threadId, after, epoch } = normaliseIds(connection.first);
      if (threadId === undefined || threadId === null) return null;
      const dto = validateDto(FollowThreadDto, { threadId, after, epoch });
      const position = { after: dto.after ?? undefined, epoch: dto.epoch ?? undefined };
      return await this.associations.prepare(connection, parseThreadId(dto.threadId), 'active', position);
    } catch (error) {
      this.#refuse(connection, error);
      return null;
    }
  }

  /** Null also where the thread has gone since it was prepared: told as a refusal too. */
  commit(connection: Connection, prepared: PreparedFollowing | null): PreparedFollowing | null {
    if (prepared === null || this.associations.make(connection, prepared)) return prepared;
    this.#refuse(connection, new ThreadcastError('thread_not_found'));
    return null;
  }

  #refuse(connection: Connection, error: unknown): void {
    if (connection.isClosed) return;
    connection.outbox.emit('exception', {
      request: 'switch_thread',
      error: this.failures.toWire(error, connection.names),
    });
  }
}
