import { Injectable } from '@nestjs/common';

import { ThreadcastError } from '../errors/index.js';
import { IdGenerator, parseThreadId, type ThreadId } from '../ids/index.js';
import { RunEngine } from '../agents/index.js';
import type { JsonValue } from '../protocol/index.js';
import { RunStarter, type StartTarget } from '../threads/index.js';
import { Associations } from './associations.js';
import type { Connection } from './connection.js';
import { StartAgentDto, type UserMessageDto } from './dto/run.dto.js';
import type { StartAssociation } from './request-context.js';

/** Finds the thread that a start is for, and prepares the connection's association with it. */
@Injectable()
export class StartAssociations {
  constructor(
    private readonly associations: Associations,
    private readonly starter: RunStarter,
    private readonly engine: RunEngine,
    private readonly ids: IdGenerator,
  ) {}

  /** Rejects what would be refused anyway, before anything is associated. */
  async prepare(connection: Connection, dto: UserMessageDto | StartAgentDto): Promise<StartAssociation> {
    const executed = this.#executed(dto);
    const target = await this.#target(connection, dto);
    if (target.kind !== 'new') {
      return { ...executed, target, following: await this.associations.tryPrepare(connection, target.threadId) };
    }
    const following = connection.isClosed
      ? null
      : connection.follower.prepareNew(target.threadId, 'active', target.epoch);
    return { ...executed, target, following };
  }

  async #target(connection: Connection, dto: UserMessageDto | StartAgentDto): Promise<StartTarget> {
    if (dto.threadId !== undefined && dto.threadId !== null) {
      return { kind: 'named', threadId: parseThreadId(dto.threadId) };
    }
    const threadId = (await this.#earlier(connection, dto.messageId)) ?? connection.follower.activeThreadId;
    if (threadId !== null) return { kind: 'active', threadId };
    return { kind: 'new', threadId: this.ids.threadId(), epoch: this.ids.epoch() };
  }

  /** A repeated request without a thread goes where it went first, whatever is active now. */
  async #earlier(connection: Connection, messageId: string | null | undefined): Promise<ThreadId | null> {
    const userId = connection.principal?.userId;
    if (userId === undefined) throw new ThreadcastError('unauthenticated');
    if (messageId === undefined || messageId === null) return null;
    return (await this.starter.earlier(userId, null, messageId))?.threadId ?? null;
  }

  /** The agent and its input, checked. */
  #executed(dto: UserMessageDto | StartAgentDto): { agent: string; input: JsonValue } {
    if (dto instanceof StartAgentDto) return this.engine.prepare(dto.agent, { input: dto.input ?? null });
    const { content, metadata } = dto;
    return this.engine.prepare(dto.agent ?? undefined, {
      message: metadata === undefined || metadata === null ? { content } : { content, metadata },
    });
  }
}
