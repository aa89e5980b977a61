import { Controller, Get, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';

import { Health, HEALTH_REPORT, isReady, type HealthReport } from '../startup/index.js';
import { Describe } from './describe.decorator.js';

const ALIVE = z.object({ status: z.literal('ok') });

/** What an orchestrator asks. Before the application is initialised the gate gives the same answers itself. */
@Controller('health')
@ApiTags('Operation')
export class HealthController {
  constructor(private readonly health: Health) {}

  /** The process runs; says nothing about what it depends on, so that no restart follows from another's fault. */
  @Get('live')
  @Describe({ does: 'Says that the process runs.', answers: { 200: { says: 'It does.', json: ALIVE } } })
  live(@Res({ passthrough: true }) res: Response): z.infer<typeof ALIVE> {
    res.setHeader('Cache-Control', 'no-store');
    return { status: 'ok' };
  }

  /** 503 while nobody can be served here. */
  @Get('ready')
  @Describe({
    does: 'Says whether requests are served.',
    answers: {
      200: { says: 'They are; `degraded`: not everything is as it should be.', json: HEALTH_REPORT },
      503: { says: 'Starting, draining, or without storage.', json: HEALTH_REPORT },
    },
  })
  async ready(@Res({ passthrough: true }) res: Response): Promise<HealthReport> {
    const report = await this.health.report();
    res.setHeader('Cache-Control', 'no-store');
    if (!isReady(report)) res.status(503).setHeader('Retry-After', '1');
    return report;
  }
}
