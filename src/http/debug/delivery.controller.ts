import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { ChannelView } from '../../delivery/index.js';
import { Oversight } from '../../threads/index.js';
import { Describe } from '../describe.decorator.js';
import { Query } from '../query.decorator.js';
import type { Values } from '../query.js';
import { OnlyFor } from '../role.guard.js';
import { DEFAULT_LIMIT, PAGE, pageOf } from './debug-query.js';
import { Gathering, type OfNode } from './gathering.js';
import type { NodeDelivery } from './node-view.js';
import { DELIVERY_STATE } from './state-schemas.js';

interface DeliveryState {
  readonly delivery: readonly OfNode<NodeDelivery>[];
  /** Threads that are followed, by id; one that several nodes have is there several times. `head`: null, it is gone. */
  readonly channels: readonly OfNode<ChannelView & { readonly head: number | null }>[];
  readonly nextCursor: string | null;
  readonly nodes: readonly string[];
  readonly missingNodes: readonly string[];
}

/** How delivery stands: what is followed, how far it is known, and who is behind. */
@Controller('debug/delivery')
@OnlyFor('admin')
@ApiTags('Debug')
export class DeliveryController {
  constructor(
    private readonly oversight: Oversight,
    private readonly gathering: Gathering,
  ) {}

  @Get()
  @Describe({
    does: 'Shows how delivery stands on all nodes, and the threads that are followed, by id.',
    answers: { 200: { says: 'Delivery, with a page of threads.', json: DELIVERY_STATE } },
  })
  async get(@Query(PAGE) query: Values<typeof PAGE>): Promise<DeliveryState> {
    const { limit = DEFAULT_LIMIT, cursor: after } = query;
    const { answers, ...nodes } = await this.gathering.ask(async (view) => {
      const channels = await view.channels({ limit: limit + 1, ...(after === undefined ? {} : { after }) });
      return { channels, delivery: await view.delivery(limit) };
    });
    const found = answers.flatMap(({ node, answer }) => answer.channels.map((channel) => ({ node, ...channel })));
    const { page, nextCursor } = pageOf(found, limit, ({ threadId }) => threadId);
    const heads = await this.oversight.heads(page.map(({ threadId }) => threadId));
    const channels = page.map((channel) => ({ ...channel, head: heads.get(channel.threadId)?.head ?? null }));
    const delivery = answers.map(({ node, answer }) => ({ node, ...answer.delivery }));
    return { delivery, channels, nextCursor, ...nodes };
  }
}
