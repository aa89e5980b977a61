import type { ThreadId } from '../ids/index.js';
import type { LogHead } from '../storage/index.js';
import type { Attachment } from './attachment.js';

export interface FollowingChange {
  /** The active thread before, for a change of the active one. */
  readonly previousThreadId: ThreadId | null;
  readonly attachment: Attachment | null;
  /** The attachment was placed for this change; else the present one is kept. */
  readonly isNew: boolean;
  /** Makes the change; false when it cannot be made any more. */
  readonly apply: () => boolean;
  /** The client knows of the change. False: the following has ended since, and the client was told so now. */
  readonly announce: () => boolean;
  readonly caughtUp: (position: number) => void;
}

/**
 * A following that has its place but sends nothing yet. Its user commits or aborts it, in this order on the
 * wire: `commit` (what was left goes silent), the answer, then `start` (replay, caught up, live). A following that ends
 * between the two is told as detached by `start`, never before its client knows of it.
 */
export class PreparedFollowing {
  #done = false;

  constructor(
    private readonly change: FollowingChange,
    readonly threadId: ThreadId,
    private readonly at: LogHead,
  ) {}

  /** The head of the log when access was judged; a following without a position starts here. */
  get head(): number {
    return this.at.head;
  }

  get epoch(): string {
    return this.at.epoch;
  }

  get previousThreadId(): ThreadId | null {
    return this.change.previousThreadId;
  }

  /** False: the thread or the access went away meanwhile, or the connection did; nothing has changed. */
  commit(): boolean {
    if (this.#done) return false;
    this.#done = true;
    return this.change.apply();
  }

  /** After `commit`: begins to send, or says where a following that was kept stands. */
  start(): void {
    const { attachment, isNew } = this.change;
    if (attachment === null || !this.change.announce()) return;
    if (isNew) attachment.start();
    else if (attachment.state === 'live') this.change.caughtUp(attachment.position);
  }

  /** After `commit` and instead of `start`, of a following that was kept: nothing is said of it. */
  goOn(): void {
    this.change.announce();
  }

  /** Gives the place back. After `commit` it does nothing. */
  abort(): void {
    if (this.#done) return;
    this.#done = true;
    if (this.change.isNew) this.change.attachment?.close('released');
  }
}
