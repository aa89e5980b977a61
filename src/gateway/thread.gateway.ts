import type { PreparedFollowing } from '../delivery/index.js';
import { parseThreadId } from '../ids/index.js';
import { ThreadcastError } from '../errors/index.js';
import type { Answers, EventEnvelope } from '../protocol/index.js';
import { History, ThreadsService } from '../threads/index.js';
import { Associations } from './associations.js';
import { FollowThreadDto } from './dto/follow-thread.dto.js';
import { AcknowledgeDto, CreateThreadDto, HistoryDto, ThreadDto } from './dto/thread.dto.js';
import { IncomingRequest } from './incoming-request.js';
import type { RequestContext } from './request-context.js';
import { Context, Handles, Payload, Request } from './request-metadata.js';
import { ThreadcastGateway } from './threadcast-gateway.decorator.js';

/** Threads: made, followed, left, read. */
@ThreadcastGateway()
export class ThreadGateway {
  constructor(
    private readonly threads: ThreadsService,
    private readonly history: History,
    private readonly associations: Associations,
  ) {}

  @Handles('create_thread', {
    does: 'Makes a thread with an empty log. It neither follows nor activates.',
    dto: CreateThreadDto,
  })
  create(@Payload() dto: CreateThreadDto, @Context() { user }: RequestContext): Promise<Answers['create_thread']> {
    const { title, metadata } = dto;
    return this.threads.create(user.userId, {
      ...(given(dto.threadId) ? { threadId: parseThreadId(dto.threadId) } : {}),
      ...(given(title) ? { title } : {}),
      ...(given(metadata) ? { metadata } : {}),
    });
  }

  @Handles('switch_thread', { does: 'Makes a thread the connection’s active one.', dto: FollowThreadDto })
  async switch(
    @Payload() dto: FollowThreadDto,
    @Request() request: IncomingRequest,
  ): Promise<Answers['switch_thread']> {
    const following = await this.#follow(request, dto, 'active');
    const { threadId, previousThreadId, head, epoch } = following;
    request.afterAnswer(() => {
      request.connection.outbox.emit('thread_switched', { threadId, previousThreadId, head, epoch });
      following.start();
    });
    return { threadId, previousThreadId, head, epoch };
  }

  @Handles('subscribe_thread', { does: 'Follows a thread beside the active one.', dto: FollowThreadDto })
  async subscribe(
    @Payload() dto: FollowThreadDto,
    @Request() request: IncomingRequest,
  ): Promise<Answers['subscribe_thread']> {
    const following = await this.#follow(request, dto, 'subscribed');
    const { threadId, head, epoch } = following;
    request.afterAnswer(() => following.start());
    return { threadId, head, epoch };
  }

  @Handles('unsubscribe_thread', { does: 'Ends the following of a thread, also of the active one.', dto: ThreadDto })
  unsubscribe(@Payload() dto: ThreadDto, @Request() request: IncomingRequest): Answers['unsubscribe_thread'] {
    const threadId = parseThreadId(dto.threadId);
    request.connection.follower.release(threadId);
    return { threadId };
  }

  @Handles('get_thread_history', { does: 'Reads a page of a thread’s log, without following it.', dto: HistoryDto })
  async getHistory(
    @Payload() dto: HistoryDto,
    @Context() { user }: RequestContext,
    @Request() { connection }: IncomingRequest,
  ): Promise<Answers['get_thread_history']> {
    const { after, before, limit, view } = dto;
    await connection.outbox.drained();
    const page = await this.history.page(user.userId, parseThreadId(dto.threadId), {
      ...(given(after) ? { after } : {}),
      ...(given(before) ? { before } : {}),
      ...(given(limit) ? { limit } : {}),
      ...(given(view) ? { view } : {}),
    });
    return { ...page, events: page.events.map((json) => JSON.parse(json) as EventEnvelope) };
  }

  @Handles('ack_events', { does: 'Keeps how far the user has read, for all of their devices.', dto: AcknowledgeDto })
  async acknowledge(
    @Payload() dto: AcknowledgeDto,
    @Context() { user }: RequestContext,
    @Request() { connection }: IncomingRequest,
  ): Promise<Answers['ack_events']> {
    const threadId = parseThreadId(dto.threadId);
    const seq = await this.threads.acknowledge(user.userId, threadId, dto.seq);
    connection.follower.acknowledge(threadId, dto.seq);
    return { threadId, seq };
  }

  /** What was left is silent when this resolves; what is followed speaks after the answer. */
  async #follow(
    { connection }: IncomingRequest,
    { threadId, after, epoch }: FollowThreadDto,
    hold: 'active' | 'subscribed',
  ): Promise<PreparedFollowing> {
    const position = { after: after ?? undefined, epoch: epoch ?? undefined };
    const following = await this.associations.prepare(connection, parseThreadId(threadId), hold, position);
    const made = hold === 'active' ? this.associations.make(connection, following) : following.commit();
    if (!made) throw new ThreadcastError('thread_not_found');
    return following;
  }
}

/** An optional field may be left out or null. */
function given<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}
