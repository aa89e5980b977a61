import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';

import { ExternalRuns } from '../agents/index.js';
import { Describe } from './describe.decorator.js';
import { Fields } from './fields.decorator.js';
import { OnlyFor } from './role.guard.js';
import { RunEventsFields, runEvents } from './run-events-fields.js';

/** The name under which runs go that nobody has registered. */
const UNNAMED_AGENT = 'external';

const RESULTS = z.object({
  results: z
    .array(
      z.object({
        seq: z.int().describe('Its place in the log.'),
        duplicate: z.boolean().describe('It was there before; nothing was appended for it.'),
      }),
    )
    .readonly()
    .describe('One for each event, in order.'),
});

/** Events of runs that other processes execute. */
@Controller('api/runs/:runId/events')
@OnlyFor('producer')
@ApiTags('Messages and runs')
export class RunEventsController {
  constructor(private readonly runs: ExternalRuns) {}

  /** All of them or none, in order. The id in the path is looked for, whatever it looks like. */
  @Post()
  @HttpCode(200)
  @Describe({
    does: 'Appends events of a run that another process executes: all of them, in order, or none.',
    details:
      'The run is looked for under every form of its id; `run_not_found` tells who was asked. One that is known by its ' +
      'form alone is made.',
    answers: { 200: { says: 'Where each of them stands.', json: RESULTS } },
    refuses: ['run_not_found', 'run_in_progress', 'run_ended', 'run_queue_full', 'message_too_large'],
  })
  async append(
    @Param('runId') received: string,
    @Fields(RunEventsFields) { events, agent }: RunEventsFields,
  ): Promise<z.infer<typeof RESULTS>> {
    return { results: await this.runs.append(received, agent ?? UNNAMED_AGENT, runEvents(events)) };
  }
}
