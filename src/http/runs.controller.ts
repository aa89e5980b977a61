import { Controller, Get, HttpCode, Param, Post, UseGuards } from '@nestjs/common';

import { RunEngine } from '../agents/index.js';
import type { Principal } from '../identity/index.js';
import { parseRunId, type RunId } from '../ids/index.js';
import { RunRegistry } from '../threads/index.js';
import { BearerGuard } from './bearer.guard.js';
import { Fields } from './fields.decorator.js';
import { CancelFields, InputFields } from './run-fields.js';
import { runView, type RunView } from './run-view.js';
import { User } from './user.decorator.js';

/** Runs of threads that the caller may read; each request answers with the run as it is then. */
@Controller('api/runs/:runId')
@UseGuards(BearerGuard)
export class RunsController {
  constructor(
    private readonly runs: RunRegistry,
    private readonly engine: RunEngine,
  ) {}

  @Get()
  get(@User() { userId }: Principal, @Param('runId') id: string): Promise<RunView> {
    return this.#view(userId, parseRunId(id).runId);
  }

  @Post('cancel')
  @HttpCode(200)
  async cancel(
    @User() { userId }: Principal,
    @Param('runId') id: string,
    @Fields(CancelFields) { reason }: CancelFields,
  ): Promise<RunView> {
    const { runId } = parseRunId(id);
    await this.engine.stop(userId, runId, reason ?? undefined);
    return this.#view(userId, runId);
  }

  @Post('input')
  @HttpCode(200)
  async input(
    @User() { userId }: Principal,
    @Param('runId') id: string,
    @Fields(InputFields) { requestId, value }: InputFields,
  ): Promise<RunView> {
    const { runId } = parseRunId(id);
    await this.engine.provideInput(userId, runId, requestId, value);
    return this.#view(userId, runId);
  }

  async #view(userId: string, runId: RunId): Promise<RunView> {
    return runView(await this.runs.get(userId, runId));
  }
}
