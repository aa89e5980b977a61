import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
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
    private readonly clock: Clock,
  ) {}

  /** Rejects what would be refused anyway, before anything is associated. */
  async prepare(connection: Connection, dto: UserMessageDto | StartAgentDto): Promise<StartAssociation> {
    const known = await this.#known(connection, dto);
    const executed = known === null ? this.#executed(dto) : { agent: '', input: null };
    const target = known === null ? this.#target(connection, dto) : targetOf(dto, known);
    const begun = this.clock.monotonic();
    const following = await this.#follow(connection, target, known !== null);
    return { ...executed, target, following, associationMs: Math.round(this.clock.monotonic() - begun) };
  }

  async #follow(
    connection: Connection,
    target: StartTarget,
    repeated: boolean,
  ): Promise<StartAssociation['following']> {
    if (repeated) return this.#followAgain(connection, target.threadId);
    if (target.kind !== 'new') return this.associations.tryPrepare(connection, target.threadId);
    return connection.isClosed ? null : connection.follower.prepareNew(target.threadId, 'active', target.epoch);
  }

  #target(connection: Connection, dto: UserMessageDto | StartAgentDto): StartTarget {
    const threadId = namedThread(dto) ?? connection.follower.activeThreadId;
    if (threadId !== null) return targetOf(dto, threadId);
    return { kind: 'new', threadId: this.ids.threadId(), epoch: this.ids.epoch() };
  }

  /**
   * The thread of a request that was taken before: it goes where it went first, whatever is active now, and is
   * refused for nothing that has changed since.
   */
  async #known(connection: Connection, dto: UserMessageDto | StartAgentDto): Promise<ThreadId | null> {
    const userId = connection.principal?.userId;
    if (userId === undefined) throw new ThreadcastError('unauthenticated');
    const { messageId } = dto;
    if (messageId === undefined || messageId === null) return null;
    const named = namedThread(dto);
    const scopes = named === null ? [null, connection.follower.activeThreadId] : [named];
    for (const scope of scopes) {
      const earlier = await this.starter.earlier(userId, scope, messageId);
      if (earlier !== null) return earlier.threadId;
    }
    return null;
  }

  /** Repeated, a request is answered also where it cannot be followed any more. */
  async #followAgain(connection: Connection, threadId: ThreadId): Promise<StartAssociation['following']> {
    try {
      return await this.associations.tryPrepare(connection, threadId);
    } catch (error) {
      if (error instanceof ThreadcastError && error.code === 'too_many_threads') return null;
      throw error;
    }
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

function namedThread({ threadId }: UserMessageDto | StartAgentDto): ThreadId | null {
  return threadId === undefined || threadId === null ? null : parseThreadId(threadId);
}

function targetOf(dto: UserMessageDto | StartAgentDto, threadId: ThreadId): StartTarget {
  return { kind: namedThread(dto) === null ? 'active' : 'named', threadId };
}
