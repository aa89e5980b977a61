import { Controller, Get, Res } from '@nestjs/common';
import type { Response } from 'express';

import { Health, isReady, type HealthReport } from '../startup/index.js';

/** What an orchestrator asks. Before the application is initialised the gate gives the same answers itself. */
@Controller('health')
export class HealthController {
  constructor(private readonly health: Health) {}

  /** The process runs; says nothing about what it depends on, so that no restart follows from another's fault. */
  @Get('live')
  live(@Res({ passthrough: true }) res: Response): { status: 'ok' } {
    res.setHeader('Cache-Control', 'no-store');
    return { status: 'ok' };
  }

  /** 503 while nobody can be served here. */
  @Get('ready')
  async ready(@Res({ passthrough: true }) res: Response): Promise<HealthReport> {
    const report = await this.health.report();
    res.setHeader('Cache-Control', 'no-store');
    if (!isReady(report)) res.status(503).setHeader('Retry-After', '1');
    return report;
  }
}
