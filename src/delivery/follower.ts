import { ThreadcastError, type ErrorCode } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import type { DetachReason } from '../protocol/index.js';
import type { ThreadAccess } from '../storage/index.js';
import type { ThreadsService } from '../threads/index.js';
import { Attachment, type AttachmentServices } from './attachment.js';
import type { FollowingEnd } from './following-view.js';
import type { Channel } from './channel.js';
import type { Channels } from './channels.js';
import { PreparedFollowing } from './prepared-following.js';
import type { Sink } from './sink.js';

/** `active`: the one thread that requests without a thread mean. Either hold keeps a thread followed. */
export type Hold = 'active' | 'subscribed';

/** Where to begin: after a seq of that log. Without `after`, at the head. */
export interface Position {
  readonly after?: number | undefined;
  readonly epoch?: string | undefined;
}

export interface Following {
  readonly threadId: ThreadId;
  attachment: Attachment;
  active: boolean;
  subscribed: boolean;
  /** The client has been told of the last change. Until then it is not told of the following's end either. */
  announced: boolean;
  /** The server has ended it, and the client is still to be told. */
  detached: DetachReason | null;
}

const NONE = new Map<ThreadId, never>();

const NEW_FOLLOWING = { active: false, subscribed: false, announced: false, detached: null };

export interface FollowerServices extends AttachmentServices {
  readonly channels: Channels;
  readonly threads: ThreadsService;
}

/**
 * The threads that one connection follows. A change is prepared (access and cursor judged, a place taken in the
 * channel), and then committed or aborted in one turn: a refused change leaves everything as it was.
 *
 * Changes of one follower are made one after the other; its owner sees to that.
 */
export class Follower {
  /** Shared by all until something is followed, and never written to before. */
  #followings: Map<ThreadId, Following> = NONE;
  #closed = false;

  constructor(
    private readonly sink: Sink,
    private readonly maxThreads: number,
    private readonly services: FollowerServices,
    private readonly onFollow: (connectionId: string) => void,
  ) {}

  get activeThreadId(): ThreadId | null {
    for (const following of this.#followings.values()) if (following.active) return following.threadId;
    return null;
  }

  get followings(): Iterable<Following> {
    return this.#followings.values();
  }

  follows(threadId: ThreadId): boolean {
    return this.#followings.has(threadId);
  }

  /** The last seq of this thread that was handed over, or behind which it follows; null: it does not follow. */
  positionIn(threadId: ThreadId): number | null {
    return this.#followings.get(threadId)?.attachment.position ?? null;
  }

  /**
   * Rejects with `thread_not_found`, `cursor_invalid` (head and epoch in its details) or `too_many_threads`, and
   * with `storage_unavailable` where trying again makes sense.
   */
  async prepare(threadId: ThreadId, hold: Hold, position: Position = {}): Promise<PreparedFollowing> {
    for (;;) {
      this.#checkRoom(threadId, hold);
      const prepared = await this.#prepareIn(this.services.channels.of(threadId), hold, position);
      if (prepared !== null) return prepared;
    }
  }

  /** Null: the log went away while it was judged; what was read may be of it, or of one made again. */
  async #prepareIn(channel: Channel, hold: Hold, position: Position): Promise<PreparedFollowing | null> {
    const { threadId } = channel;
    const release = channel.hold();
    try {
      const access = await this.services.threads.access(this.sink.userId, threadId);
      if (channel.epoch !== null && channel.epoch !== access.epoch) channel.end();
      if (channel.ended) return null;
      judge(position, access);
      channel.know(access);
      const keeps = position.after === undefined && this.#followings.has(threadId);
      const attachment = keeps ? null : this.#place(channel, access, position.after);
      return new PreparedFollowing(this.#changeFor(threadId, hold, attachment), threadId, access);
    } catch (error) {
      this.#countRefusal(error instanceof ThreadcastError ? error.code : 'internal');
      throw error;
    } finally {
      release();
    }
  }

  /** For a thread that is about to be made, under this epoch: its log is empty. */
  prepareNew(threadId: ThreadId, hold: Hold, epoch: string): PreparedFollowing {
    this.#checkRoom(threadId, hold);
    const access: ThreadAccess = { role: 'owner', head: 0, epoch };
    const attachment = this.#place(this.services.channels.of(threadId), access);
    return new PreparedFollowing(this.#changeFor(threadId, hold, attachment), threadId, access);
  }

  /** The client says, durably, that it has everything of the thread up to this seq. */
  acknowledge(threadId: ThreadId, seq: number): void {
    this.#followings.get(threadId)?.attachment.acknowledge(seq);
  }

  /** Releases both holds. Nothing more of the thread is sent. */
  release(threadId: ThreadId): void {
    this.#end(threadId, 'released');
  }

  /** Its connection or stream is over. */
  close(): void {
    this.#closed = true;
    for (const threadId of [...this.#followings.keys()]) this.#end(threadId, 'connection_closed');
  }

  #end(threadId: ThreadId, by: FollowingEnd): void {
    const following = this.#followings.get(threadId);
    if (following === undefined) return;
    this.#followings.delete(threadId);
    following.attachment.close(by);
  }

  /** Without a position, at the head. */
  #place(channel: Channel, access: ThreadAccess, after?: number): Attachment {
    const { threadId } = channel;
    const beginning = { from: after ?? access.head, resumed: after !== undefined };
    const attachment = new Attachment(channel, this.sink, access, beginning, this.services, (reason) =>
      this.#detached(threadId, attachment, reason),
    );
    channel.add(attachment);
    return attachment;
  }

  /** The steps that make a prepared change real. `attachment` null: the present following is kept. */
  #changeFor(threadId: ThreadId, hold: Hold, attachment: Attachment | null) {
    let following: Following | null = null;
    return {
      previousThreadId: hold === 'active' ? this.activeThreadId : null,
      attachment: attachment ?? this.#followings.get(threadId)?.attachment ?? null,
      isNew: attachment !== null,
      apply: () => (following = this.#apply(threadId, hold, attachment)) !== null,
      announce: () => following !== null && this.#announce(following),
      caughtUp: (position: number) => this.sink.caughtUp(threadId, position),
    };
  }

  /** Null: it cannot be made any more. */
  #apply(threadId: ThreadId, hold: Hold, attachment: Attachment | null): Following | null {
    const present = this.#followings.get(threadId);
    const chosen = attachment ?? present?.attachment;
    if (this.#closed || chosen === undefined || chosen.state === 'closed') {
      this.#countRefusal('gone');
      attachment?.close('connection_closed');
      return null;
    }
    if (present !== undefined && present.attachment !== chosen) present.attachment.close('repositioned');
    const following = present ?? { ...NEW_FOLLOWING, threadId, attachment: chosen };
    following.attachment = chosen;
    following.announced = false;
    if (this.#followings === NONE) this.#followings = new Map();
    this.#followings.set(threadId, following);
    if (hold === 'subscribed') following.subscribed = true;
    else this.#activate(following);
    this.onFollow(this.sink.connectionId);
    return following;
  }

  /** False: it has ended meanwhile, which is told now. */
  #announce(following: Following): boolean {
    following.announced = true;
    if (following.detached === null) return true;
    this.sink.detached(following.threadId, following.detached);
    return false;
  }

  #activate(following: Following): void {
    for (const other of [...this.#followings.values()]) {
      if (other === following || !other.active) continue;
      other.active = false;
      if (!other.subscribed) this.#end(other.threadId, 'switched');
    }
    following.active = true;
  }

  #detached(threadId: ThreadId, attachment: Attachment, reason: DetachReason): void {
    const following = this.#followings.get(threadId);
    if (following?.attachment !== attachment) return;
    this.#followings.delete(threadId);
    following.detached = reason;
    if (following.announced) this.sink.detached(threadId, reason);
  }

  #countRefusal(code: ErrorCode | 'gone'): void {
    this.services.metrics.add('threadcast_delivery_refused_followings_total', { code });
  }

  #checkRoom(threadId: ThreadId, hold: Hold): void {
    if (this.#followings.has(threadId)) return;
    const left = [...this.#followings.values()].some((other) => other.active && !other.subscribed);
    const after = this.#followings.size + 1 - (hold === 'active' && left ? 1 : 0);
    if (after <= this.maxThreads) return;
    this.#countRefusal('too_many_threads');
    throw new ThreadcastError('too_many_threads', {
      message: `A connection follows at most ${this.maxThreads} threads; unsubscribe from one first.`,
    });
  }
}

function judge(position: Position, { head, epoch }: ThreadAccess): void {
  const foreign = position.epoch !== undefined && position.epoch !== epoch;
  if (!foreign && (position.after ?? 0) <= head) return;
  throw new ThreadcastError('cursor_invalid', {
    message: foreign
      ? 'The cursor is of another log: the thread was deleted and made again. Begin anew.'
      : `The cursor lies beyond the head of the log, ${head}.`,
    details: { head, epoch },
  });
}
