import { Controller, Get, Param, Req, Res, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';

import type { Principal } from '../identity/index.js';
import { parseThreadId } from '../ids/index.js';
import { History, MAX_HISTORY_LIMIT, type HistoryQuery } from '../threads/index.js';
import { BearerGuard } from './bearer.guard.js';
import { EventStreams } from './event-streams.js';
import { historyJson } from './history-json.js';
import { Query } from './query.js';
import { streamPosition } from './stream-position.js';
import { User } from './user.decorator.js';

/** A thread's log: a page of it, or a stream that replays it and goes on live. */
@Controller('api/threads/:threadId/events')
@UseGuards(BearerGuard)
export class EventsController {
  constructor(
    private readonly history: History,
    private readonly streams: EventStreams,
  ) {}

  @Get()
  async events(
    @User() user: Principal,
    @Param('threadId') id: string,
    @Req() req: Request,
    @Res() res: Response,
  ): Promise<void> {
    const threadId = parseThreadId(id);
    res.vary('Accept');
    if (asksForStream(req)) {
      await this.streams.follow(user, threadId, streamPosition(req.get('Last-Event-ID'), req.query), res);
      return;
    }
    const page = await this.history.page(user.userId, threadId, historyQuery(req.query));
    res.type('application/json').send(historyJson(page));
  }
}

/** A HEAD request has an answer without a body, and so without an end of it. */
function asksForStream(req: Request): boolean {
  return req.method === 'GET' && req.accepts(['application/json', 'text/event-stream']) === 'text/event-stream';
}

function historyQuery(parameters: Readonly<Record<string, unknown>>): HistoryQuery {
  const query = new Query(parameters);
  const after = query.integer('after', { least: 0 });
  const before = query.integer('before', { least: 1 });
  const limit = query.integer('limit', { least: 1, cap: MAX_HISTORY_LIMIT });
  const view = query.oneOf('view', ['compact']);
  query.check();
  return {
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
    ...(limit === undefined ? {} : { limit }),
    ...(view === undefined ? {} : { view }),
  };
}
