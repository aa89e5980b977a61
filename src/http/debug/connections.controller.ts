import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { ConnectionRecord, ConnectionView } from '../../delivery/index.js';
import { ThreadcastError } from '../../errors/index.js';
import { parseConnectionId, parseThreadId } from '../../ids/index.js';
import { Describe } from '../describe.decorator.js';
import { Query } from '../query.decorator.js';
import { oneOf, text, type Values } from '../query.js';
import { OnlyFor } from '../role.guard.js';
import { CONNECTION_PAGE, CONNECTION_RECORD, CONNECTION_STATES } from './connection-schemas.js';
import { DEFAULT_LIMIT, PAGE, pageOf, userId } from './debug-query.js';
import { Gathering, REMEMBERED_MS, type OfNode } from './gathering.js';

const LIST_QUERY = {
  ...PAGE,
  userId: userId('Those of this user.'),
  threadId: text('Those that follow this thread.'),
  state: oneOf('Those in this state.', CONNECTION_STATES),
};

interface ConnectionPage {
  readonly connections: readonly OfNode<ConnectionView>[];
  readonly nextCursor: string | null;
  readonly nodes: readonly string[];
  readonly missingNodes: readonly string[];
}

/** Open connections of all nodes. */
@Controller('debug/connections')
@OnlyFor('admin')
@ApiTags('Debug')
export class ConnectionsController {
  constructor(private readonly gathering: Gathering) {}

  @Get()
  @Describe({
    does: 'Lists open connections of all nodes, by id.',
    answers: { 200: { says: 'A page of them.', json: CONNECTION_PAGE } },
    refuses: ['invalid_id'],
  })
  async list(@Query(LIST_QUERY) query: Values<typeof LIST_QUERY>): Promise<ConnectionPage> {
    const { limit = DEFAULT_LIMIT, cursor: after, threadId, ...who } = query;
    const { answers, ...nodes } = await this.gathering.ask((view) =>
      view.connections({
        ...who,
        ...(threadId === undefined ? {} : { threadId: parseThreadId(threadId) }),
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      }),
    );
    const found = answers.flatMap(({ node, answer }) => answer.map((connection) => ({ node, ...connection })));
    const { page, nextCursor } = pageOf(found, limit, ({ connectionId }) => connectionId);
    return { connections: page, nextCursor, ...nodes };
  }

  @Get(':connectionId')
  @Describe({
    does: 'Shows a connection with its followings; one that has closed for as long as these are remembered.',
    answers: { 200: { says: 'The connection.', json: CONNECTION_RECORD } },
  })
  async get(@Param('connectionId') id: string): Promise<OfNode<ConnectionRecord>> {
    const connectionId = parseConnectionId(id);
    const { answers, ...nodes } = await this.gathering.ask((view) => view.connection(connectionId), REMEMBERED_MS);
    for (const { node, answer } of answers) if (answer !== null) return { node, ...answer };
    throw new ThreadcastError('connection_not_found', { details: nodes });
  }
}
