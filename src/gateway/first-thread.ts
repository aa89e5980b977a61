import { Injectable } from '@nestjs/common';

import type { PreparedFollowing } from '../delivery/index.js';
import { validateDto } from '../errors/index.js';
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
    try {
      const { threadId, after, epoch } = normaliseIds({ ...connection.socket.handshake.auth, payload: undefined });
      if (threadId === undefined || threadId === null) return null;
      const dto = validateDto(FollowThreadDto, { threadId, after, epoch });
      const position = { after: dto.after ?? undefined, epoch: dto.epoch ?? undefined };
      return await this.associations.prepare(connection, parseThreadId(dto.threadId), 'active', position);
    } catch (error) {
      if (!connection.isClosed) {
        connection.outbox.emit('exception', { request: 'switch_thread', error: this.failures.toWire(error) });
      }
      return null;
    }
  }
}
