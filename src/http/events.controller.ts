import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';

import type { Principal } from '../identity/index.js';
import { parseThreadId } from '../ids/index.js';
import { HISTORY_ANSWER } from '../protocol/index.js';
import { wireSchema } from '../schema/index.js';
import { History, MAX_HISTORY_LIMIT } from '../threads/index.js';
import { Describe } from './describe.decorator.js';
import { EventStreams } from './event-streams.js';
import { ForUsers } from './for-users.decorator.js';
import { historyJson } from './history-json.js';
import { TakesQuery } from './query.decorator.js';
import { oneOf, readQuery, wholeNumber } from './query.js';
import { STREAM_POSITION, streamPosition } from './stream-position.js';
import { User } from './user.decorator.js';

const PAGE_QUERY = {
  after: STREAM_POSITION.after,
  before: wholeNumber('The last events below this seq instead; for pages.', { least: 1 }),
  limit: wholeNumber('The most events of one page.', { least: 1, cap: MAX_HISTORY_LIMIT, otherwise: 100 }),
  view: oneOf('Merges neighbouring deltas of one message; for pages.', ['compact']),
};

/** A thread's log: a page of it, or a stream that replays it and goes on live. */
@Controller('api/threads/:threadId/events')
@ForUsers()
@ApiTags('Events')
export class EventsController {
  constructor(
    private readonly history: History,
    private readonly streams: EventStreams,
  ) {}

  @Get()
  @TakesQuery({ ...STREAM_POSITION, ...PAGE_QUERY })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'For streams: the `id` of the last event that was received, or a bare seq. It goes before the query.',
    schema: { type: 'string' },
  })
  @Describe<unknown>({
    does: 'Reads a page of a thread’s log; or, as `text/event-stream`, replays it and goes on live.',
    details:
      'A page: ask again with `after=nextAfter` until that is null. A stream begins at the first event where no position ' +
      'is given; its events have no names, `data` is the envelope, `id` is `epoch:seq`, and comments keep it alive. For ' +
      'each event, `from ?? seq` is the `seq` before it plus one.',
    answers: {
      200: {
        says: 'The page, or the stream.',
        others: {
          'application/json': wireSchema(HISTORY_ANSWER),
          'text/event-stream': { type: 'string', description: 'Server-sent events; see the event `Event` for `data`.' },
        },
      },
    },
    refuses: ['cursor_invalid', 'too_many_connections'],
  })
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
    const page = await this.history.page(user.userId, threadId, readQuery(PAGE_QUERY, req.query));
    res.type('application/json').send(historyJson(page));
  }
}

/** A HEAD request has an answer without a body, and so without an end of it. */
function asksForStream(req: Request): boolean {
  return req.method === 'GET' && req.accepts(['application/json', 'text/event-stream']) === 'text/event-stream';
}
