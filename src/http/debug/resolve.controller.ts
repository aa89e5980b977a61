import { Controller, Get, Query } from '@nestjs/common';
import { ApiQuery, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';

import { RunResolver, type RunTrail } from '../../threads/index.js';
import { Describe } from '../describe.decorator.js';
import { OnlyFor } from '../role.guard.js';

const SOURCE = z.enum(['registry', 'engine', 'connection', 'format']);

const TRAIL = z.object({
  runId: z.string().describe('As it was asked for.'),
  threadId: z.string().nullable(),
  source: SOURCE.nullable().describe('Who knew it; null: nobody.'),
  tried: z
    .array(
      z.object({
        source: SOURCE,
        outcome: z.enum(['found', 'not_found', 'thread_not_found', 'invalid_id', 'failed']),
        detail: z.string().optional().describe('Why, in words.'),
      }),
    )
    .readonly()
    .describe('Who was asked, in this order.'),
}) satisfies z.ZodType<Omit<RunTrail, 'threadId'>>;

/** Which thread a run belongs to, and how that was found out. */
@Controller('debug/resolve')
@OnlyFor('admin')
@ApiTags('Debug')
export class ResolveController {
  constructor(private readonly resolver: RunResolver) {}

  /** Whatever is asked for has an answer: what cannot be an id of a run is told as that. */
  @Get()
  @ApiQuery({
    name: 'runId',
    description: 'Anything: what cannot be an id is told as that.',
    schema: { type: 'string' },
  })
  @Describe({
    does: 'Tells which thread a run belongs to, and how that was found out.',
    answers: { 200: { says: 'The answer, and who was asked for it.', json: TRAIL } },
  })
  resolve(@Query('runId') runId: unknown): Promise<RunTrail> {
    return this.resolver.resolve(typeof runId === 'string' ? runId : '');
  }
}
