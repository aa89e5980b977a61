import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { ExecutionView } from '../../agents/index.js';
import { ThreadcastError } from '../../errors/index.js';
import { parseRunId } from '../../ids/index.js';
import { Oversight, type RunFacts } from '../../threads/index.js';
import { Describe } from '../describe.decorator.js';
import { OnlyFor } from '../role.guard.js';
import { Gathering, type OfNode } from './gathering.js';
import { RUN_STATE } from './state-schemas.js';

interface RunState extends RunFacts {
  /** What is done with it at the moment; null: no node that has answered has it in hand. */
  readonly execution: OfNode<ExecutionView> | null;
  readonly nodes: readonly string[];
  readonly missingNodes: readonly string[];
}

/** A run as it stands. */
@Controller('debug/runs')
@OnlyFor('admin')
@ApiTags('Debug')
export class RunStatesController {
  constructor(
    private readonly oversight: Oversight,
    private readonly gathering: Gathering,
  ) {}

  @Get(':runId')
  @Describe({
    does: 'Shows how a run stands, without its content.',
    answers: { 200: { says: 'The run.', json: RUN_STATE } },
  })
  async get(@Param('runId') id: string): Promise<RunState> {
    const { runId } = parseRunId(id);
    const run = await this.oversight.run(runId);
    if (run === null) throw new ThreadcastError('run_not_found');
    const { answers, ...nodes } = await this.gathering.ask((view) => view.runs([runId]));
    const [execution] = answers.flatMap(({ node, answer }) => answer.map((view) => ({ node, ...view })));
    return { ...run, execution: execution ?? null, ...nodes };
  }
}
