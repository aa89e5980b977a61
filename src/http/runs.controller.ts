import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { RunEngine } from '../agents/index.js';
import type { Principal } from '../identity/index.js';
import { parseRunId } from '../ids/index.js';
import { RunRegistry, type RunRecord } from '../threads/index.js';
import { Describe } from './describe.decorator.js';
import { Fields } from './fields.decorator.js';
import { ForUsers } from './for-users.decorator.js';
import { CancelFields, InputFields } from './run-fields.js';
import { RUN_VIEW, runView, type RunView } from './run-view.js';
import { User } from './user.decorator.js';

/** Runs of threads that the caller may read, and for producers of every thread; answered with the run as it is then. */
@Controller('api/runs/:runId')
@ForUsers()
@ApiTags('Messages and runs')
export class RunsController {
  constructor(
    private readonly runs: RunRegistry,
    private readonly engine: RunEngine,
  ) {}

  @Get()
  @Describe({ does: 'Shows a run.', answers: { 200: { says: 'The run.', json: RUN_VIEW } } })
  get(@User() user: Principal, @Param('runId') id: string): Promise<RunView> {
    return this.#view(user, id);
  }

  @Post('cancel')
  @HttpCode(200)
  @Describe({
    does: 'Cancels a run, waiting or under way; one that has ended stays as it ended.',
    answers: { 200: { says: 'The run as it is now.', json: RUN_VIEW } },
  })
  async cancel(
    @User() user: Principal,
    @Param('runId') id: string,
    @Fields(CancelFields) { reason }: CancelFields,
  ): Promise<RunView> {
    await this.engine.cancel(await this.#run(user, id), actorOf(user), reason ?? undefined);
    return this.#view(user, id);
  }

  @Post('input')
  @HttpCode(200)
  @Describe({
    does: 'Answers a run’s request for input.',
    details: 'The same answer again changes nothing; another one, or a late one, is `input_closed`.',
    answers: { 200: { says: 'The run as it is now.', json: RUN_VIEW } },
    refuses: ['input_closed'],
  })
  async input(
    @User() user: Principal,
    @Param('runId') id: string,
    @Fields(InputFields) { requestId, value }: InputFields,
  ): Promise<RunView> {
    await this.engine.answer(await this.#run(user, id), actorOf(user), requestId, value);
    return this.#view(user, id);
  }

  #run({ userId, roles }: Principal, id: string): Promise<RunRecord> {
    const { runId } = parseRunId(id);
    return roles.has('producer') ? this.runs.find(runId) : this.runs.get(userId, runId);
  }

  /** A producer executes runs, and gets what was answered as it was given. */
  async #view(user: Principal, id: string): Promise<RunView> {
    const run = await this.#run(user, id);
    return runView(run, run.external && user.roles.has('producer'));
  }
}

/** Whose access counts; a producer may act on the runs of every thread. */
function actorOf({ userId, roles }: Principal): string | null {
  return roles.has('producer') ? null : userId;
}
