import { ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import type { DetachReason } from '../protocol/index.js';
import type { ThreadAccess } from '../storage/index.js';
import type { ThreadsService } from '../threads/index.js';
import { Attachment, type AttachmentServices } from './attachment.js';
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
}

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
  readonly #followings = new Map<ThreadId, Following>();
  #closed = false;

  constructor(
    private readonly sink: Sink,
    private readonly maxThreads: number,
    private readonly services: FollowerServices,
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
      const attachment = keeps ? null : this.#place(channel, access, position.after ?? access.head);
      return new PreparedFollowing(this.#changeFor(threadId, hold, attachment), threadId, access);
    } finally {
      release();
    }
  }

  /** For a thread that is about to be made, under this epoch: its log is empty. */
  prepareNew(threadId: ThreadId, hold: Hold, epoch: string): PreparedFollowing {
    this.#checkRoom(threadId, hold);
    const access: ThreadAccess = { role: 'owner', head: 0, epoch };
    const attachment = this.#place(this.services.channels.of(threadId), access, 0);
    return new PreparedFollowing(this.#changeFor(threadId, hold, attachment), threadId, access);
  }

  /** Releases both holds. Nothing more of the thread is sent. */
  release(threadId: ThreadId): void {
    const following = this.#followings.get(threadId);
    if (following === undefined) return;
    this.#followings.delete(threadId);
    following.attachment.close();
  }

  close(): void {
    this.#closed = true;
    for (const threadId of [...this.#followings.keys()]) this.release(threadId);
  }

  #place(channel: Channel, access: ThreadAccess, position: number): Attachment {
    const { threadId } = channel;
    const attachment = new Attachment(channel, this.sink, access, position, this.services, (reason) =>
      this.#detached(threadId, attachment, reason),
    );
    channel.add(attachment);
    return attachment;
  }

  /** The steps that make a prepared change real. `attachment` null: the present following is kept. */
  #changeFor(threadId: ThreadId, hold: Hold, attachment: Attachment | null) {
    return {
      previousThreadId: hold === 'active' ? this.activeThreadId : null,
      attachment: attachment ?? this.#followings.get(threadId)?.attachment ?? null,
      isNew: attachment !== null,
      apply: () => this.#apply(threadId, hold, attachment),
      caughtUp: (position: number) => this.sink.caughtUp(threadId, position),
    };
  }

  #apply(threadId: ThreadId, hold: Hold, attachment: Attachment | null): boolean {
    const present = this.#followings.get(threadId);
    const chosen = attachment ?? present?.attachment;
    if (this.#closed || chosen === undefined || chosen.state === 'closed') {
      attachment?.close();
      return false;
    }
    if (present !== undefined && present.attachment !== chosen) present.attachment.close();
    const following = present ?? { threadId, attachment: chosen, active: false, subscribed: false };
    following.attachment = chosen;
    this.#followings.set(threadId, following);
    if (hold === 'subscribed') following.subscribed = true;
    else this.#activate(following);
    return true;
  }

  #activate(following: Following): void {
    for (const other of [...this.#followings.values()]) {
      if (other === following || !other.active) continue;
      other.active = false;
      if (!other.subscribed) this.release(other.threadId);
    }
    following.active = true;
  }

  #detached(threadId: ThreadId, attachment: Attachment, reason: DetachReason): void {
    if (this.#followings.get(threadId)?.attachment !== attachment) return;
    this.#followings.delete(threadId);
    this.sink.detached(threadId, reason);
  }

  #checkRoom(threadId: ThreadId, hold: Hold): void {
    if (this.#followings.has(threadId)) return;
    const left = [...this.#followings.values()].some((other) => other.active && !other.subscribed);
    const after = this.#followings.size + 1 - (hold === 'active' && left ? 1 : 0);
    if (after <= this.maxThreads) return;
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
