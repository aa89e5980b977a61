import { Injectable } from '@nestjs/common';

import type { ThreadId } from '../ids/index.js';
import type { Attachment } from './attachment.js';
import type { Channel } from './channel.js';
import { Channels } from './channels.js';
import { DeliveryLag, type Lag } from './delivery-lag.js';
import { FollowingHistory } from './following-history.js';
import type { AttachmentState, FollowingView } from './following-view.js';
import { Smallest } from './smallest.js';

/** A thread that is followed in this process. */
export interface ChannelView {
  readonly threadId: ThreadId;
  /** Null: its log was not read yet. */
  readonly epoch: string | null;
  /** The last seq that this process has heard of. */
  readonly cursor: number;
  /** How far everybody here who is live has got. */
  readonly reached: number;
  /** How many follow it, by state. */
  readonly followers: Readonly<Record<Exclude<AttachmentState, 'closed'>, number>>;
}

/** Who follows a thread here. */
export interface FollowersView {
  /** Null: nobody. */
  readonly channel: ChannelView | null;
  /** A page of them, by connection. */
  readonly followers: readonly FollowingView[];
}

/** What one node knows of the followings of a user. */
export interface FollowingsView {
  /** Present ones and those that ended, in the order in which they began. */
  readonly followings: readonly FollowingView[];
  /** Unix ms: of what ended before that, some may be forgotten. */
  readonly knownSince: number;
}

export interface ViewPage {
  /** Keys above this one. */
  readonly after?: string;
  readonly limit: number;
}

/** Shows what is followed in this process: states, positions and times, never content. */
@Injectable()
export class DeliveryViews {
  constructor(
    private readonly channels: Channels,
    private readonly history: FollowingHistory,
    private readonly standstills: DeliveryLag,
  ) {}

  followers(threadId: ThreadId, page: ViewPage): FollowersView {
    const channel = this.channels.find(threadId);
    if (channel === null) return { channel: null, followers: [] };
    const followers = paged(channel.attachments, page, ({ connectionId }) => connectionId);
    return { channel: viewOf(channel), followers: followers.map((attachment) => attachment.view()) };
  }

  /** By thread. */
  page(page: ViewPage): readonly ChannelView[] {
    return paged(this.channels.all(), page, ({ threadId }) => threadId).map(viewOf);
  }

  /** Followings that have left live delivery because their connection does not take more, the longest first. */
  behind(limit: number): { readonly followings: readonly FollowingView[]; readonly total: number } {
    let total = 0;
    const longest = new Smallest<Attachment>(limit, (one, other) => one.stateSince - other.stateSince);
    for (const { attachments } of this.channels.all()) {
      for (const attachment of attachments) {
        if (attachment.state !== 'behind') continue;
        total += 1;
        longest.add(attachment);
      }
    }
    return { followings: longest.sorted().map((attachment) => attachment.view()), total };
  }

  /** Followings that do not get on though nothing on their side keeps them; null: none. */
  lag(): Lag | null {
    return this.standstills.lag();
  }

  followings(threadId: ThreadId, userId: string): FollowingsView {
    const channel = this.channels.find(threadId);
    const { followings: ended, knownSince } = this.history.ofThread(threadId, userId);
    const here = channel === null ? [] : [...channel.attachments].filter(({ state }) => state !== 'placed');
    const present = here.map((attachment) => attachment.view()).filter((following) => following.userId === userId);
    const followings = [...ended, ...present].sort((one, other) => one.openedAt - other.openedAt);
    return { followings, knownSince };
  }
}

function viewOf(channel: Channel): ChannelView {
  const { threadId, epoch, cursor, reached } = channel;
  const followers = { placed: 0, replaying: 0, live: 0, behind: 0 };
  for (const { state } of channel.attachments) if (state !== 'closed') followers[state] += 1;
  return { threadId, epoch, cursor, reached, followers };
}

function paged<T>(items: Iterable<T>, { after, limit }: ViewPage, keyOf: (item: T) => string): readonly T[] {
  const page = new Smallest<T>(limit, (one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  for (const item of items) if (after === undefined || keyOf(item) > after) page.add(item);
  return page.sorted();
}
